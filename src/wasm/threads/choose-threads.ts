/** Chooses how many threads compute, and says why they are fewer than they could be. */
import { UsageError } from "../../base/errors.ts";
import type { KernelSource } from "../compile.ts";
import { defaultThreads, hasSharedMemory, MAX_THREADS } from "../features.ts";

/** What a user asks for. */
interface ThreadWish {
  readonly threads?: number;
  readonly onWarning?: (sentence: string) => void;
}

const NOT_SHARED = "memory cannot be shared here (a page must be cross-origin isolated)";
const COMPILED = "kernels that are already compiled cannot use shared memory";
export const NO_WORKERS = "workers cannot be started here (a content security policy must allow worker-src blob:)";

/** The number of threads: those that are asked for, or 1, with a warning, where memory cannot be shared. @throws UsageError for a number out of range. */
export function chooseThreads(options: ThreadWish, sources: readonly KernelSource[]): number {
  // The kind of memory is fixed in a compiled module; only bytes can be changed to use shared memory.
  const areBytes = sources.every((source) => source instanceof Uint8Array);
  const hindrance = hasSharedMemory() ? (areBytes ? undefined : COMPILED) : NOT_SHARED;
  const wish = options.threads ?? (hindrance === undefined ? defaultThreads() : 1);
  if (!Number.isInteger(wish) || wish < 1 || wish > MAX_THREADS)
    throw new UsageError("threads", String(wish), `an integer from 1 to ${MAX_THREADS}`);
  if (hindrance === undefined || wish === 1) return wish;
  warnOfThreads(options, wish, hindrance);
  return 1;
}

export function warnOfThreads({ threads, onWarning }: ThreadWish, found: number, hindrance: string): void {
  const wish = threads === undefined ? `${found}, the cores` : String(found);
  onWarning?.(`threads: found ${wish}, runs on 1: ${hindrance}`);
}
