/** What the worker's runtime offers, and in sentences what it lacks. */
import { defaultThreads, hasSharedMemory, hasSimd } from "../../wasm/features.ts";
import type { StorePlace } from "../store/store-place.ts";
import type { WorkerFacts } from "../wire/worker-calls.ts";

export async function runtimeFacts(place: StorePlace | undefined): Promise<WorkerFacts> {
  const { navigator } = globalThis as { readonly navigator?: Partial<Navigator> };
  const { usage, quota } = (await navigator?.storage?.estimate?.().catch(() => undefined)) ?? {};
  const [simd, sharedMemory, storage] = [hasSimd(), hasSharedMemory(), place?.kind ?? "none"] as const;
  const lacks = [
    simd ||
      "There is no WebAssembly SIMD, so no model can run. Chrome has it from version 91, Firefox from 89, Safari from 16.4.",
    sharedMemory ||
      "There is no shared memory (the page lacks the headers of cross-origin isolation), so the engine has one thread. Everything works, more slowly.",
    storage !== "none" ||
      "There is no storage for models, so they are fetched anew each time. Files and addresses work.",
  ].filter((sentence) => typeof sentence === "string");
  return { simd, sharedMemory, threads: defaultThreads(), storage, usage, quota, lacks };
}
