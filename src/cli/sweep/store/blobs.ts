/** Files in a store by the SHA-256 of their bytes: one that is there already is not copied again, and every copy is checked. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { withFileErrors } from "../../../adapter/file-errors.ts";
import { FormatError } from "../../../base/errors.ts";
import { PLACES, type Store } from "./store.ts";

export interface StoredFile {
  readonly sha256: string;
  readonly bytes: number;
}

const HASH = /^[0-9a-f]{64}$/;

const objectOf = ({ sha256 }: StoredFile) => `${PLACES.blobs}/${sha256}`;

export async function keepFile(store: Store, path: string): Promise<StoredFile> {
  const blob = { sha256: await hashOfFile(path), bytes: (await withFileErrors(path, () => stat(path))).size };
  if (!(await store.has(objectOf(blob)))) await store.upload(objectOf(blob), path);
  return blob;
}

/** @throws FormatError if the bytes are not those that the name says. */
export async function fetchFile(store: Store, blob: StoredFile, path: string): Promise<void> {
  await store.download(objectOf(blob), path);
  const found = await hashOfFile(path);
  if (found === blob.sha256) return;
  // Whoever finds the file there takes it as checked.
  await rm(path, { force: true });
  throw new FormatError(
    `${store.name}/${objectOf(blob)}`,
    `found bytes with SHA-256 ${found}, expected those of its name`,
  );
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  await withFileErrors(path, () => pipeline(createReadStream(path), hash));
  return hash.digest("hex");
}

/** @throws FormatError for what is no blob. */
export function asStoredFile(value: unknown, where: string): StoredFile {
  const { sha256, bytes } = (value ?? {}) as Partial<StoredFile>;
  if (typeof sha256 === "string" && HASH.test(sha256) && Number.isSafeInteger(bytes))
    return { sha256, bytes: bytes as number };
  throw new FormatError(where, "found no SHA-256 and bytes of a file, expected both");
}
