/** Reads the header of a GGUF file (versions 2 and 3, little endian): its metadata, and where its tensors lie. Trusts nothing. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import type { ByteSource } from "../../files/source.ts";
import type { TensorEntry, TensorIndex } from "../tensor-index.ts";
import { GgufMetadata, type ValuePlace } from "./gguf-metadata.ts";
import { BLOCK_TYPES, type BlockType, OTHER_TYPES, VALUE_BYTES, VALUE_TYPES, type ValueType } from "./gguf-types.ts";
import { HeaderCursor } from "./header-cursor.ts";

/** A tensor of a GGUF file. Its shape is row-major, as in other formats: the file itself has the axes in reverse. */
export interface GgufEntry extends TensorEntry {
  readonly type: BlockType;
}

/** The tensors of a model, by the names that its modules have elsewhere. */
export interface GgufIndex extends TensorIndex {
  readonly entries: ReadonlyMap<string, GgufEntry>;
}

/** One file: what its header says. */
export interface GgufFile {
  readonly source: ByteSource;
  readonly metadata: GgufMetadata;
  /** Tensors by their names in the file. */
  readonly tensors: ReadonlyMap<string, GgufEntry>;
}

/** "GGUF" as a little-endian word. */
const MAGIC = 0x46554747;
const VERSIONS = [2, 3];
const LIMITS = {
  keys: 65_536,
  tensors: 131_072,
  keyBytes: 65_535,
  nameBytes: 64,
  alignment: 65_536,
  textBytes: 2 ** 30,
};
/** Least bytes of a key with its value, and of a tensor's description. */
const LEAST = { key: 13, tensor: 32 };

/** Reads and checks the header. No byte of a tensor is read. @throws FormatError or UnsupportedError naming file, key or tensor. */
export async function openGguf(source: ByteSource): Promise<GgufFile> {
  const cursor = new HeaderCursor(source);
  await cursor.need(Math.min(24, Math.max(4, source.size)), "header");
  checkMagic(cursor);
  await cursor.need(16, "header");
  const counts = { tensors: cursor.u64("tensor count"), keys: cursor.u64("key count") };
  for (const what of ["tensors", "keys"] as const) {
    const possible = Math.floor(source.size / (what === "keys" ? LEAST.key : LEAST.tensor));
    const most = Math.min(LIMITS[what], possible);
    if (counts[what] > most)
      throw new FormatError(`${source.name}: header`, `found ${counts[what]} ${what}, expected at most ${most}`);
  }
  const places = await readKeys(cursor, counts.keys);
  const alignment = readAlignment(new GgufMetadata(source.name, cursor.bytes, places));
  const found = await readTensors(cursor, counts.tensors);
  const start = Math.ceil(cursor.at / alignment) * alignment;
  const metadata = new GgufMetadata(source.name, cursor.bytes.slice(0, cursor.at), places);
  return { source, metadata, tensors: placeTensors(source, found, start, alignment) };
}

function checkMagic(cursor: HeaderCursor): void {
  const magic = cursor.u32();
  if (magic !== MAGIC)
    throw new FormatError(
      cursor.name,
      `found the first bytes ${magic.toString(16).padStart(8, "0")}, expected "GGUF" (${MAGIC.toString(16)})`,
    );
  if (!cursor.has(4)) throw new FormatError(cursor.name, "found no version, expected one; the file is cut short");
  const version = cursor.u32();
  if (VERSIONS.includes(version)) return;
  const isSwapped = (version & 0xffff) === 0 && version !== 0;
  const found = isSwapped ? "a big-endian file" : `version ${version}`;
  throw new UnsupportedError(`${cursor.name}: GGUF version`, found, VERSIONS.map(String));
}

async function readKeys(cursor: HeaderCursor, count: number): Promise<ReadonlyMap<string, ValuePlace>> {
  const places = new Map<string, ValuePlace>();
  for (let i = 0; i < count; i++) {
    const key = await cursor.text(LIMITS.keyBytes, `key ${i}`);
    if (places.has(key))
      throw new FormatError(`${cursor.name}: ${key}`, "found the key a second time, expected each key once");
    places.set(key, await readPlace(cursor, key));
  }
  return places;
}

async function readPlace(cursor: HeaderCursor, key: string): Promise<ValuePlace> {
  await cursor.need(4, key);
  const type = valueType(cursor, key);
  if (type !== "ARRAY") return skipValues(cursor, key, { type, isArray: false, count: 1, start: cursor.at });
  await cursor.need(12, key);
  const element = valueType(cursor, key);
  if (element === "ARRAY")
    throw new UnsupportedError(`${cursor.name}: ${key}`, "an array of arrays", ["an array of values"]);
  const count = cursor.u64(key);
  const least = element === "TEXT" ? 8 : VALUE_BYTES[element];
  if (count > (cursor.size - cursor.at) / least)
    throw new FormatError(
      `${cursor.name}: ${key}`,
      `found an array of ${count} in a file of ${cursor.size} bytes, expected it to fit; the file is cut short`,
    );
  return skipValues(cursor, key, { type: element, isArray: true, count, start: cursor.at });
}

function valueType(cursor: HeaderCursor, key: string): ValueType {
  const type = cursor.u32();
  if (type < VALUE_TYPES.length) return VALUE_TYPES[type];
  throw new FormatError(
    `${cursor.name}: ${key}`,
    `found a value of type ${type}, expected 0 to ${VALUE_TYPES.length - 1}`,
  );
}

/** Moves behind the values. A promise for each text would take most of the time, so they are only made when bytes must be read. */
async function skipValues(cursor: HeaderCursor, key: string, place: ValuePlace): Promise<ValuePlace> {
  if (place.type !== "TEXT") {
    const bytes = VALUE_BYTES[place.type] * place.count;
    await cursor.need(bytes, key);
    cursor.skip(bytes);
    return place;
  }
  for (let i = 0; i < place.count; i++) {
    if (!cursor.has(8)) await cursor.need(8, key);
    const length = cursor.u64(key);
    if (length > LIMITS.textBytes)
      throw new FormatError(
        `${cursor.name}: ${key}`,
        `found a text of ${length} bytes, expected at most ${LIMITS.textBytes}`,
      );
    if (!cursor.has(length)) await cursor.need(length, key);
    cursor.skip(length);
  }
  return place;
}

function readAlignment(metadata: GgufMetadata): number {
  const alignment = metadata.number("general.alignment") ?? 32;
  const isPowerOfTwo = Number.isInteger(alignment) && alignment >= 1 && (alignment & (alignment - 1)) === 0;
  if (isPowerOfTwo && alignment <= LIMITS.alignment) return alignment;
  throw new FormatError(
    `${metadata.where}: general.alignment`,
    `found ${alignment}, expected a power of two up to ${LIMITS.alignment}`,
  );
}

/** A tensor's description, with its offset from the beginning of the tensors' data. */
type Described = Omit<GgufEntry, "source" | "dtype">;

async function readTensors(cursor: HeaderCursor, count: number): Promise<readonly Described[]> {
  const names = new Set<string>();
  const found: Described[] = [];
  for (let i = 0; i < count; i++) {
    const name = await cursor.text(LIMITS.nameBytes, `name of tensor ${i}`);
    const where = `${cursor.name}: tensor ${name}`;
    if (names.has(name)) throw new FormatError(where, "found the name a second time, expected each name once");
    names.add(name);
    found.push(await readTensor(cursor, name));
  }
  return found;
}

async function readTensor(cursor: HeaderCursor, name: string): Promise<Described> {
  const where = `${cursor.name}: tensor ${name}`;
  await cursor.need(4, `tensor ${name}`);
  const axes = cursor.u32();
  if (axes < 1 || axes > 4) throw new FormatError(where, `found ${axes} axes, expected 1 to 4`);
  await cursor.need(8 * axes + 12, `tensor ${name}`);
  const shape = Array.from({ length: axes }, () => cursor.u64(`tensor ${name}`)).reverse();
  const type = blockType(cursor.u32(), where);
  return { name, shape, type, byteLength: blockBytes(type, shape, where), offset: cursor.u64(`tensor ${name}`) };
}

function blockType(id: number, where: string): BlockType {
  const type = BLOCK_TYPES.get(id);
  if (type !== undefined) return type;
  const supported = [...BLOCK_TYPES.values()].map(({ name }) => name);
  throw new UnsupportedError(`${where}: type`, OTHER_TYPES.get(id) ?? `number ${id}`, supported);
}

/** Bytes of a tensor. A product above 2^53 is refused, not rounded. */
function blockBytes({ name, elements, bytes }: BlockType, shape: readonly number[], where: string): number {
  const row = shape[shape.length - 1];
  if (row % elements !== 0)
    throw new FormatError(where, `found rows of ${row} columns, expected a multiple of ${elements} for ${name}`);
  let total = bytes;
  for (const length of [...shape.slice(0, -1), row / elements]) {
    total *= length;
    if (length < 1 || total > Number.MAX_SAFE_INTEGER)
      throw new FormatError(where, `found shape [${shape.join(", ")}], expected axes from 1 and less than 2^53 bytes`);
  }
  return total;
}

/** Checks that each tensor lies in the file and that none shares a byte with another. */
function placeTensors(
  source: ByteSource,
  found: readonly Described[],
  start: number,
  alignment: number,
): ReadonlyMap<string, GgufEntry> {
  let end = start;
  for (const { name, offset, byteLength } of [...found].sort((a, b) => a.offset - b.offset)) {
    const where = `${source.name}: tensor ${name}`;
    if (offset % alignment !== 0)
      throw new FormatError(where, `found it at offset ${offset}, expected a multiple of ${alignment}`);
    if (start + offset < end)
      throw new FormatError(where, `found it at offset ${offset}, expected at least ${end - start}: tensors overlap`);
    end = start + offset + byteLength;
    if (end > source.size)
      throw new FormatError(
        where,
        `found ${byteLength} bytes at offset ${offset} after a header of ${start} in a file of ${source.size}, expected them inside; the file is cut short`,
      );
  }
  const entries = found.map((each) => ({ ...each, dtype: each.type.name, offset: start + each.offset, source }));
  return new Map(entries.map((entry) => [entry.name, entry]));
}
