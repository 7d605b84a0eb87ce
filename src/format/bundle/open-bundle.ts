/** Opens a bundle: its directory and index are read, its weights are not. */
import { FormatError } from "../../base/errors.ts";
import { asObject, parseJsonBytes } from "../../base/json.ts";
import { type ByteSource, bytesSource } from "../../files/source.ts";
import type { TensorEntry, TensorIndex } from "../tensor-index.ts";
import { type BundleIndex, INDEX_NAME, partsOf, readBundleIndex, VECTORS_NAME, vectorBytes } from "./bundle-index.ts";
import { readEntry, readZip, type ZipEntry } from "./zip-reader.ts";

/** The tensors of a bundle. Closing them closes the file. */
export interface BundleTensors extends TensorIndex, BundleIndex {
  /** Names of the entries that are files of a model's folder. */
  readonly texts: readonly string[];
  /** Such a file, checked; undefined if the bundle has none of this name. */
  text(name: string): Promise<ByteSource | undefined>;
}

/** @throws FormatError or UnsupportedError naming what is wrong; the source is then closed. */
export async function openBundle(source: ByteSource): Promise<BundleTensors> {
  try {
    const zip = await readZip(source);
    const found = zip.get(INDEX_NAME);
    if (found === undefined) throw new FormatError(source.name, `found no ${INDEX_NAME}, expected one in a bundle`);
    const where = `${source.name}: ${INDEX_NAME}`;
    const json = asObject(parseJsonBytes(await readEntry(source, found), where), where);
    const index = readBundleIndex(json, source.name, zip);
    return {
      name: source.name,
      ...index,
      entries: tensorsOf(source, zip, index),
      texts: [...zip.keys()].filter((name) => name !== INDEX_NAME && !name.startsWith("weights/")),
      async text(name) {
        const entry = name.startsWith("weights/") ? undefined : zip.get(name);
        return entry && bytesSource(`${source.name}/${name}`, await readEntry(source, entry));
      },
      close: async () => source.close?.(),
    };
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

function tensorsOf(
  source: ByteSource,
  zip: ReadonlyMap<string, ZipEntry>,
  { linears, vectors }: BundleIndex,
): ReadonlyMap<string, TensorEntry> {
  const tensors = new Map<string, TensorEntry>();
  for (const [name, linear] of linears) {
    const { start } = zip.get(linear.entry) as ZipEntry;
    const { bias, bytes } = partsOf(linear);
    const { rows, cols } = linear;
    const offset = start + linear.offset;
    tensors.set(`${name}.weight`, {
      name,
      dtype: "panels",
      shape: [rows, cols],
      offset,
      byteLength: bytes,
      source,
    });
    if (!linear.bias) continue;
    const place = { offset: offset + bias, byteLength: 4 * rows, source };
    tensors.set(`${name}.bias`, { name: `${name}.bias`, dtype: "F32", shape: [rows], ...place });
  }
  const entry = zip.get(VECTORS_NAME);
  if (entry === undefined) return tensors;
  const checked = checkedSource(source, entry);
  for (const [name, vector] of vectors) {
    const place = { offset: entry.start + vector.offset, byteLength: vectorBytes(vector), source: checked };
    tensors.set(name, { name, dtype: "F32", shape: vector.shape, ...place });
  }
  return tensors;
}

/** The file, whose bytes of an entry are read at once, when the first of them is needed, and checked. */
function checkedSource(source: ByteSource, entry: ZipEntry): ByteSource {
  let content: Promise<Uint8Array> | undefined;
  return {
    name: source.name,
    size: source.size,
    async read(offset, into) {
      const from = offset - entry.start;
      if (from < 0 || from + into.length > entry.bytes) return source.read(offset, into);
      content ??= readEntry(source, entry);
      into.set((await content).subarray(from, from + into.length));
    },
  };
}
