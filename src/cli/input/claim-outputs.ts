/** Claims the outputs of a command: they must lie apart from all that it reads, and belong to it alone while it runs. */

type Paths = readonly (string | undefined)[];

export interface ClaimedPaths {
  /** Outputs of the command, each for one process at a time. Undefined ones are ignored. */
  readonly outputs: Paths;
  /** Files that the command keeps beside an output while it works. */
  readonly work?: Paths;
  /** Everything that it reads. */
  readonly inputs: Paths;
}

/**
 * Claims the outputs. A command that writes does this first and disposes the claim when its outputs are there.
 * @throws FileError for an output that is an input, lies inside one or holds one, with --force too; UsageError for one that
 * another process is writing.
 */
export async function claimOutputs({ outputs, work = [], inputs }: ClaimedPaths): Promise<AsyncDisposable> {
  // Loaded here, so that commands may import this file and still start quickly.
  const { nodeLock } = await import("../../adapter/node-lock.ts");
  const { requireApart } = await import("../../adapter/node-place.ts");
  await requireApart([...outputs, ...work], inputs);
  const locks: AsyncDisposable[] = [];
  const release = async () => {
    for (const lock of locks.splice(0).reverse()) await lock[Symbol.asyncDispose]();
  };
  try {
    for (const path of outputs) if (path !== undefined) locks.push(await nodeLock(path));
  } catch (error) {
    await release();
    throw error;
  }
  return { [Symbol.asyncDispose]: release };
}

/** A path beside an output; undefined without an output. */
export function beside(output: string | undefined, ending: string): string | undefined {
  return output === undefined ? undefined : `${output.replace(/(?<=[^/\\])[/\\]+$/, "")}${ending}`;
}
