/** Stores models in the browser's cache storage: an entry for each piece of a file, so that files can grow. */
import type { PlacedFile, PlacedName, StorePlace } from "./store-place.ts";

const PLACE = "/quern-models/";

/** `/quern-models/MODEL/FILE/OFFSET`. Offsets have 15 digits, so that their order is that of their names. */
function addressOf(model: string, file: string, at: number): string {
  return `${PLACE}${encodeURIComponent(model)}/${encodeURIComponent(file)}/${String(at).padStart(15, "0")}`;
}

export class CacheStore implements StorePlace {
  readonly kind = "cache";
  readonly #cache: Cache;

  constructor(cache: Cache) {
    this.#cache = cache;
  }

  async models(): Promise<readonly string[]> {
    return [...new Set((await this.#entries()).map(({ model }) => model))].sort();
  }

  async files(model: string): Promise<ReadonlyMap<string, PlacedFile>> {
    const pieces = new Map<string, { readonly path: string; readonly bytes: number }[]>();
    for (const entry of await this.#entries()) {
      if (entry.model !== model) continue;
      const bytes = Number((await this.#cache.match(entry.path))?.headers.get("content-length"));
      pieces.set(entry.file, [...(pieces.get(entry.file) ?? []), { path: entry.path, bytes }]);
    }
    const placed = [...pieces].map(([file, parts]): [string, PlacedFile] => [
      file,
      {
        bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
        blob: async () => new Blob(await Promise.all(parts.map(({ path }) => this.#piece(path)))),
      },
    ]);
    return new Map(placed);
  }

  async append({ model, name }: PlacedName, at: number, bytes: Uint8Array): Promise<void> {
    if (at === 0)
      for (const { path, ...entry } of await this.#entries())
        if (entry.model === model && entry.file === name) await this.#cache.delete(path);
    const headers = { "content-length": String(bytes.length) };
    await this.#cache.put(addressOf(model, name, at), new Response(bytes.slice(), { headers }));
  }

  async remove(model: string): Promise<void> {
    for (const entry of await this.#entries()) if (entry.model === model) await this.#cache.delete(entry.path);
  }

  async #piece(path: string): Promise<Blob> {
    return ((await this.#cache.match(path)) as Response).blob();
  }

  async #entries(): Promise<readonly { readonly path: string; readonly model: string; readonly file: string }[]> {
    const paths = (await this.#cache.keys()).map(({ url }) => new URL(url).pathname).sort();
    return paths.map((path) => {
      const [model, file] = path.slice(PLACE.length).split("/").map(decodeURIComponent);
      return { path, model, file };
    });
  }
}
