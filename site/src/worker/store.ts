/** Models that are kept on this device, in the browser's cache storage: one entry for each file, under the model's name. */
import type { StoredModel } from "../engine/wishes.ts";

const CACHE = "quern-models";
const PLACE = "/stored/";

const addressOf = (name: string, file: string) => `${PLACE}${encodeURIComponent(name)}/${encodeURIComponent(file)}`;

function partsOf(request: Request): readonly [name: string, file: string] {
  const [name, file] = new URL(request.url).pathname.slice(PLACE.length).split("/").map(decodeURIComponent);
  return [name, file];
}

/** The stored models with their sizes. None where the browser has no cache storage, as in pages that are not secure. */
export async function list(): Promise<readonly StoredModel[]> {
  if (typeof caches === "undefined") return [];
  const cache = await caches.open(CACHE);
  const sizes = new Map<string, number>();
  for (const request of await cache.keys()) {
    const [name] = partsOf(request);
    const bytes = Number((await cache.match(request))?.headers.get("content-length") ?? 0);
    sizes.set(name, (sizes.get(name) ?? 0) + bytes);
  }
  return [...sizes].map(([name, bytes]) => ({ name, bytes }));
}

/** Keeps all files of a model, or none of them. */
export async function keep(
  name: string,
  files: ReadonlyMap<string, Blob>,
  onFile: (done: number) => void,
): Promise<StoredModel> {
  const cache = await caches.open(CACHE);
  let bytes = 0;
  try {
    for (const [at, [file, blob]] of [...files].entries()) {
      await cache.put(addressOf(name, file), new Response(blob, { headers: { "content-length": String(blob.size) } }));
      bytes += blob.size;
      onFile(at + 1);
    }
  } catch (error) {
    await remove(name);
    throw error;
  }
  return { name, bytes };
}

export async function read(name: string): Promise<ReadonlyMap<string, Blob>> {
  const cache = await caches.open(CACHE);
  const files = new Map<string, Blob>();
  for (const request of await cache.keys()) {
    const [model, file] = partsOf(request);
    const found = model === name ? await cache.match(request) : undefined;
    if (found !== undefined) files.set(file, await found.blob());
  }
  return files;
}

export async function remove(name: string): Promise<undefined> {
  const cache = await caches.open(CACHE);
  for (const request of await cache.keys()) if (partsOf(request)[0] === name) await cache.delete(request);
}
