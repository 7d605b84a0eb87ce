import { beforeEach, describe, expect, it } from "vitest";
import { StorageError } from "../../../src/base/errors.ts";
import { type ByteSource, bytesSource, type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { CacheStore } from "../../../src/worker/store/cache-store.ts";
import { KeepingFolder } from "../../../src/worker/store/keeping-folder.ts";
import { OpfsStore } from "../../../src/worker/store/opfs-store.ts";
import type { StorePlace } from "../../../src/worker/store/store-place.ts";
import { listStored, requirePlace, storedFolder } from "../../../src/worker/store/stored-models.ts";
import { FakeDirectory } from "../../helpers/fake-directory.ts";
import { mulberry32 } from "../../helpers/random.ts";

const MIB = 2 ** 20;
const NAME = "a model, 3/4";

function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const random = mulberry32(seed);
  return Uint8Array.from({ length }, () => random() * 256);
}

const CONFIG = new TextEncoder().encode('{"a":1}');
const WEIGHTS = randomBytes(9 * MIB + 5, 1);

/** Cache storage in memory: entries by path. */
function fakeCache(): Cache {
  const entries = new Map<string, Response>();
  const pathOf = (key: RequestInfo | URL) => new URL(key instanceof Request ? key.url : key, "https://page/").pathname;
  return {
    keys: async () => [...entries.keys()].map((path) => new Request(`https://page${path}`)),
    match: async (key: string) => entries.get(pathOf(key))?.clone(),
    put: async (key: string, response: Response) => void entries.set(pathOf(key), response),
    delete: async (key: string) => entries.delete(pathOf(key)),
  } as unknown as Cache;
}

/** A folder whose weights break off after `limit` bytes, and that tells how many were read. */
function cutFolder(weights: Uint8Array, limit = Number.POSITIVE_INFINITY) {
  const seen = { bytes: 0 };
  const whole = bytesSource("model.safetensors", weights);
  const source: ByteSource = {
    ...whole,
    async read(offset, into) {
      if (offset + into.length > limit) throw new Error("the connection was cut");
      seen.bytes += into.length;
      await whole.read(offset, into);
    },
  };
  const folder: FolderSource = {
    ...filesFolder("far", { "config.json": CONFIG, "model.safetensors": source, "b.txt": CONFIG }),
  };
  return { folder, seen };
}

async function contentOf(folder: FolderSource, file: string): Promise<Uint8Array> {
  const source = (await folder.open(file)) as ByteSource;
  const bytes = new Uint8Array(source.size);
  await source.read(0, bytes);
  return bytes;
}

const PLACES: readonly (readonly [string, () => StorePlace])[] = [
  ["the private file system", () => new OpfsStore(new FakeDirectory())],
  ["cache storage", () => new CacheStore(fakeCache())],
];

describe.each(PLACES)("KeepingFolder in %s", (_, make) => {
  let place: StorePlace;
  beforeEach(() => {
    place = make();
  });

  it("stores a model's files, lists it with its size, reads it back, and deletes it", async () => {
    const progress: number[] = [];
    const { folder } = cutFolder(WEIGHTS);
    const onProgress = ({ done }: { readonly done: number }) => progress.push(done);
    const stored = await new KeepingFolder(NAME, folder, place).keepAll({ onProgress });
    expect(stored).toEqual({ name: NAME, bytes: expect.any(Number), whole: true });
    expect(stored.bytes).toBeGreaterThan(WEIGHTS.length + CONFIG.length);
    expect(progress.at(-1)).toBe(WEIGHTS.length + CONFIG.length);
    expect(await listStored(place)).toEqual([stored]);
    const back = await storedFolder(place, NAME);
    expect(await back.list()).toEqual(["config.json", "model.safetensors"]);
    expect(Buffer.compare(await contentOf(back, "model.safetensors"), WEIGHTS)).toBe(0);
    expect(await contentOf(back, "config.json")).toEqual(CONFIG);
    await place.remove(NAME);
    expect(await listStored(place)).toEqual([]);
  });

  it("goes on with a download that was cut", async () => {
    const cut = new KeepingFolder(NAME, cutFolder(WEIGHTS, 5 * MIB).folder, place);
    await expect(cut.keepAll({})).rejects.toThrow("the connection was cut");
    expect(await listStored(place)).toEqual([{ name: NAME, bytes: 4 * MIB + CONFIG.length, whole: false }]);
    await expect(storedFolder(place, NAME)).rejects.toThrow(/a download that was cut/);
    const { folder, seen } = cutFolder(WEIGHTS);
    await new KeepingFolder(NAME, folder, place).keepAll({});
    expect(seen.bytes).toBeLessThan(5.2 * MIB);
    expect(Buffer.compare(await contentOf(await storedFolder(place, NAME), "model.safetensors"), WEIGHTS)).toBe(0);
  });

  it("begins anew where the file has changed meanwhile", async () => {
    const cut = new KeepingFolder(NAME, cutFolder(WEIGHTS, 5 * MIB).folder, place);
    await expect(cut.keepAll({})).rejects.toThrow("the connection was cut");
    const changed = randomBytes(WEIGHTS.length, 2);
    await new KeepingFolder(NAME, cutFolder(changed).folder, place).keepAll({});
    expect(Buffer.compare(await contentOf(await storedFolder(place, NAME), "model.safetensors"), changed)).toBe(0);
  });

  it("counts a model as cut while another one takes its place", async () => {
    await new KeepingFolder(NAME, cutFolder(WEIGHTS).folder, place).keepAll({});
    const other = new KeepingFolder(NAME, cutFolder(randomBytes(8 * MIB, 2), 5 * MIB).folder, place);
    await expect(other.keepAll({})).rejects.toThrow("the connection was cut");
    expect((await listStored(place))[0].whole).toBe(false);
    await expect(storedFolder(place, NAME)).rejects.toThrow(/a download that was cut/);
  });

  it("keeps what is being loaded: a file is prepared once and then read from the storage", async () => {
    const { folder, seen } = cutFolder(WEIGHTS);
    const keeping = new KeepingFolder(NAME, folder, place);
    const source = (await keeping.open("model.safetensors")) as ByteSource;
    await source.prepare?.({});
    expect(Buffer.compare(await contentOf(keeping, "model.safetensors"), WEIGHTS)).toBe(0);
    await keeping.keepAll({});
    expect(seen.bytes).toBe(WEIGHTS.length);
    expect((await listStored(place))[0].whole).toBe(true);
  });

  it("stops at once when it is aborted", async () => {
    const keeping = new KeepingFolder(NAME, cutFolder(WEIGHTS).folder, place);
    await expect(keeping.keepAll({ signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});

describe("a storage that is full, missing or empty", () => {
  it("says what still works, and leaves nothing of the model that did not fit", async () => {
    const root = new FakeDirectory("", { used: 0, quota: 6 * MIB });
    const place = new OpfsStore(root);
    const error = await new KeepingFolder(NAME, cutFolder(WEIGHTS).folder, place).keepAll({}).catch((each) => each);
    expect(error).toBeInstanceOf(StorageError);
    expect([error.code, error.reason]).toEqual(["STORAGE", "full"]);
    expect(error.message).toMatch(/no more room .*the model can be loaded without storing it/);
    expect([await listStored(place), root.disk.used]).toEqual([[], 0]);
  });

  it("is refused in sentences", async () => {
    expect(() => requirePlace(undefined, "m")).toThrow(/no storage in this browser .*work without it/);
    expect(await listStored(undefined)).toEqual([]);
    const missing = storedFolder(new OpfsStore(new FakeDirectory()), "m");
    await expect(missing).rejects.toMatchObject({ reason: "missing", message: expect.stringMatching(/found nothing/) });
  });
});
