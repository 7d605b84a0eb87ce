/** Outputs that appear whole or not at all. */

/** Runs `work`, commits what it wrote, or removes every trace when it throws or is aborted. */
export async function committed<T>(
  output: { commit(): Promise<void>; abort(): Promise<void> },
  work: () => Promise<T>,
): Promise<T> {
  try {
    const result = await work();
    await output.commit();
    return result;
  } catch (error) {
    await output.abort();
    throw error;
  }
}
