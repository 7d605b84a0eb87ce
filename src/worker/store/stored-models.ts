/** The models that are stored: which there are, the files of one, and what is said where there is none. */
import { StorageError } from "../../base/errors.ts";
import { blobSource, type FolderSource } from "../../files/source.ts";
import type { StoredModel } from "../wire/worker-calls.ts";
import type { PlacedFile, StorePlace } from "./store-place.ts";

/** Written last: a model where it has bytes is whole. It is emptied before a file of the model changes. */
export const WHOLE_MARK = "quern-stored.json";

/** @throws StorageError where there is no storage. */
export function requirePlace(place: StorePlace | undefined, name: string): StorePlace {
  if (place !== undefined) return place;
  throw new StorageError(
    `stored model ${name}`,
    "found no storage in this browser (a private window, or a page that is not secure); models from files and addresses work without it",
    { reason: "none" },
  );
}

export async function listStored(place: StorePlace | undefined): Promise<readonly StoredModel[]> {
  const names = (await place?.models()) ?? [];
  return Promise.all(names.map((name) => describeStored(place as StorePlace, name)));
}

export async function describeStored(place: StorePlace, name: string): Promise<StoredModel> {
  const files = await place.files(name);
  const bytes = [...files.values()].reduce((sum, file) => sum + file.bytes, 0);
  return { name, bytes, whole: isWhole(files) };
}

export function isWhole(files: ReadonlyMap<string, PlacedFile>): boolean {
  return (files.get(WHOLE_MARK)?.bytes ?? 0) > 0;
}

/** A stored model as a folder. @throws StorageError for one that is missing or not whole. */
export async function storedFolder(place: StorePlace, name: string): Promise<FolderSource> {
  const files = await place.files(name);
  if (!isWhole(files)) {
    const found = files.size === 0 ? "nothing under this name" : "a download that was cut";
    const names = (await listStored(place)).filter(({ whole }) => whole).map((model) => model.name);
    const others = names.length === 0 ? "no other model is stored" : `stored are ${names.join(", ")}`;
    throw new StorageError(`stored model ${name}`, `found ${found}; ${others}`, { reason: "missing" });
  }
  return {
    name,
    list: async () => [...files.keys()].filter((file) => file !== WHOLE_MARK).sort(),
    async open(file) {
      const blob = file === WHOLE_MARK ? undefined : await files.get(file)?.blob();
      return blob && blobSource(`${name}/${file}`, blob);
    },
    async close() {},
  };
}
