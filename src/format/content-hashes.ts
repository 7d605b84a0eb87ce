/**
 * Keeps SHA-256s in a safetensors file's metadata, one for each tensor and one for the rest of the metadata, so that readers notice
 * changed bytes.
 */
import { FormatError } from "../base/errors.ts";
import { asObject, type JsonObject, parseJson } from "../base/json.ts";
import { sha256, sha256OfPieces } from "../files/sha256.ts";
import { bytesSource } from "../files/source.ts";
import type { TensorFile } from "./safetensors.ts";
import type { TensorToWrite } from "./safetensors-writer.ts";

const FIELD = "sha256";
const METADATA = "__metadata__";

/** Adds the hashes to the metadata, for tensors that are in memory. */
export async function withContentHashes(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const hashes: Record<string, string> = { [METADATA]: await metadataHash(Object.entries(metadata)) };
  for (const tensor of tensors) for await (const bytes of tensor.pieces()) hashes[tensor.name] = await bytesHash(bytes);
  return { ...metadata, [FIELD]: JSON.stringify(hashes) };
}

/** The hashes of a file, for checking its tensors. */
export class ContentHashes {
  readonly #file: TensorFile;
  readonly #hashes: JsonObject;

  /** Reads the hashes; undefined for a file without any. @throws FormatError if the metadata was changed. */
  static async of(file: TensorFile): Promise<ContentHashes | undefined> {
    const field = file.metadata.get(FIELD);
    if (field === undefined) return undefined;
    const where = `${file.name}: ${METADATA}.${FIELD}`;
    const hashes = new ContentHashes(file, asObject(parseJson(field, where), where));
    const others = [...file.metadata].filter(([name]) => name !== FIELD);
    hashes.#require(METADATA, `${file.name}: ${METADATA}`, await metadataHash(others));
    return hashes;
  }

  private constructor(file: TensorFile, hashes: JsonObject) {
    this.#file = file;
    this.#hashes = hashes;
  }

  /** @throws FormatError naming the tensor if its bytes are not those that were written. */
  async check(name: string, bytes: Uint8Array): Promise<void> {
    this.#require(name, `${this.#file.name}: tensor ${name}`, await bytesHash(bytes));
  }

  #require(name: string, where: string, found: string): void {
    const expected = this.#hashes[name];
    if (found !== expected)
      throw new FormatError(
        where,
        `found SHA-256 ${found}, expected ${String(expected)}; the file was changed or damaged`,
      );
  }
}

function bytesHash(bytes: Uint8Array): Promise<string> {
  return sha256OfPieces(bytesSource("tensor", bytes), () => {});
}

/** Hashes the entries in sorted order, so that the hash does not depend on the file's order. */
function metadataHash(entries: readonly (readonly [string, string])[]): Promise<string> {
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(new TextEncoder().encode(JSON.stringify(sorted)));
}
