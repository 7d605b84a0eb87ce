/** Brings the files of a checkpoint to where reads are cheap before its weights are loaded. */
import type { TensorIndex } from "./tensor-index.ts";

export interface PrepareAll {
  readonly signal?: AbortSignal;
  /** Called with the bytes of all files that need it, and how many of them are there. */
  readonly onBytes?: (done: number, total: number) => void;
}

/** Prepares each file that has something to prepare, one after the other: each of them is read in parts side by side. */
export async function prepareSources(index: TensorIndex, { signal, onBytes }: PrepareAll): Promise<void> {
  const sources = new Set([...index.entries.values()].map(({ source }) => source));
  const remote = [...sources].filter(({ prepare }) => prepare !== undefined);
  const total = remote.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  for (const source of remote)
    await source.prepare?.({
      signal,
      onBytes(bytes) {
        done += bytes;
        onBytes?.(done, total);
      },
    });
}
