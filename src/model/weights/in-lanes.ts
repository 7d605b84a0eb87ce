/** Does work on a list, a few items at the same time. */

/** Reads that are under way together: a disk is faster with several, and one arrives while another is checked. */
const LANES = 4;

/** Works on the items in order, `LANES` of them at a time. @throws the first error, once nothing is under way any more. */
export async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const errors: unknown[] = [];
  const lane = async () => {
    for (const item of left) {
      if (errors.length > 0) return;
      await work(item).catch((error: unknown) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  if (errors.length > 0) throw errors[0];
}
