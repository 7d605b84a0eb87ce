/** Finds the storage that a browser has. */
import type { StorePlace } from "./store-place.ts";

/** What the runtime has; undefined where it has no storage, as in private windows, in pages that are not secure and outside browsers. */
export async function browserPlace(): Promise<StorePlace | undefined> {
  const { navigator } = globalThis as { readonly navigator?: Partial<Navigator> };
  try {
    const root = await navigator?.storage?.getDirectory?.();
    if (root !== undefined) return new (await import("./opfs-store.ts")).OpfsStore(root as never);
  } catch {} // a browser that forbids it may have the other one
  if (typeof caches === "undefined") return undefined;
  try {
    return new (await import("./cache-store.ts")).CacheStore(await caches.open("quern-models"));
  } catch {
    return undefined;
  }
}
