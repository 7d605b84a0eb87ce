/** Opens a bundle: its end and its index are read, its weights are not. */
import { FormatError } from "../../base/errors.ts";
import { asObject, parseJsonBytes } from "../../base/json.ts";
import { type ByteSource, bytesSource, checkRange, refuseLfsPointer } from "../../files/source.ts";
import type { TensorEntry, TensorIndex } from "../tensor-index.ts";
import { type BundleIndex, INDEX_NAME, type LyingFile, partsOf, readBundleIndex } from "./bundle-index.ts";
import { crc32 } from "./crc32.ts";

/** The tensors of a bundle. Closing them closes the file. */
export interface BundleTensors extends TensorIndex, BundleIndex {
  /** A file of the model's folder, checked; undefined if the bundle has none of this name. */
  open(name: string): Promise<ByteSource | undefined>;
}

/** Bytes of the archive's comment, which tells where the index is. */
export const COMMENT_BYTES = 64;
/** Most bytes of an index, and of a file that is read whole. */
const MOST_BYTES = 200_000_000;

/** @throws FormatError or UnsupportedError naming what is wrong; the source is then closed. */
export async function openBundle(source: ByteSource): Promise<BundleTensors> {
  const { name } = source;
  try {
    const where = `${name}: ${INDEX_NAME}`;
    const json = parseJsonBytes(await readWhole(source, await findIndex(source)), where);
    const index = readBundleIndex(asObject(json, where), name, source.size);
    return {
      ...{ name, ...index, entries: tensorsOf(source, index) },
      async open(file) {
        const found = index.files.get(file);
        return found && bytesSource(`${name}/${file}`, await readWhole(source, found));
      },
      close: async () => source.close?.(),
    };
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function findIndex(source: ByteSource): Promise<LyingFile> {
  const end = new Uint8Array(Math.min(source.size, COMMENT_BYTES));
  await source.read(source.size - end.length, end);
  const told = /^quern index at (\d+), (\d+) bytes, CRC-32 (\d+) *$/.exec(new TextDecoder().decode(end));
  refuseLfsPointer(end, source.name);
  if (told === null)
    throw new FormatError(
      source.name,
      "found no end of a bundle, expected one; the file is cut short or was written anew",
    );
  const [offset, bytes, crc] = told.slice(1).map(Number);
  return { name: INDEX_NAME, offset, bytes, crc };
}

async function readWhole(source: ByteSource, file: LyingFile): Promise<Uint8Array> {
  const { name, offset, bytes } = file;
  checkRange(source, offset, bytes);
  if (bytes > MOST_BYTES)
    throw new FormatError(`${source.name}: ${name}`, `found ${bytes} bytes, expected at most ${MOST_BYTES}`);
  const content = new Uint8Array(bytes);
  await source.read(offset, content);
  requireCrc(source, file, content);
  return content;
}

function requireCrc(source: ByteSource, { name, crc }: LyingFile, content: Uint8Array): void {
  const found = crc32(content);
  if (found !== crc)
    throw new FormatError(`${source.name}: ${name}`, `found the CRC-32 ${found}, expected ${crc}; the file is damaged`);
}

function tensorsOf(source: ByteSource, { files, linears }: BundleIndex): ReadonlyMap<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  const add = (entry: TensorEntry) => tensors.set(entry.name, entry);
  const floats = { dtype: "F32", source };
  for (const [key, file] of files) {
    const { offset, bytes, shape, dtype: was } = file;
    if (shape === undefined) continue;
    const name = key.replace("weights/", "");
    add({ ...floats, was, name, shape, offset, byteLength: bytes, source: checkedSource(source, file) });
  }
  for (const [name, linear] of linears) {
    const { rows, cols, offset, biasType: was } = linear;
    const { bias, bytes } = partsOf(linear);
    add({ ...{ name: `${name}.weight`, dtype: "panels", shape: [rows, cols], offset, byteLength: bytes }, source });
    if (linear.bias)
      add({ ...floats, was, name: `${name}.bias`, shape: [rows], offset: offset + bias, byteLength: 4 * rows });
  }
  return tensors;
}

/** The bundle, of which one file is checked when it is read whole, as vectors are. */
function checkedSource(source: ByteSource, file: LyingFile): ByteSource {
  return {
    ...{ name: source.name, size: source.size },
    async read(offset, into) {
      await source.read(offset, into);
      if (offset === file.offset && into.length === file.bytes) requireCrc(source, file, into);
    },
  };
}
