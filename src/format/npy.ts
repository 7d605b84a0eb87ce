/** Reads and writes NumPy's .npy: one array of float32, float64 or int32, C order, little endian (writes format 1.0, reads 1.0 to 3.0). */

import { FormatError, UnsupportedError } from "../base/errors.ts";
import type { FileSink } from "../files/output.ts";
import type { ByteSource } from "../files/source.ts";

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // "\x93NUMPY"
const MAX_HEADER_BYTES = 65_536;
const DTYPES = { "<f4": Float32Array, "<f8": Float64Array, "<i4": Int32Array } as const;

/** The header of a float32 array; its length is a multiple of 64 bytes, as in files that NumPy writes. */
export function npyHeader(shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const total = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const text = `${dictionary.padEnd(total - 11)}\n`;
  const header = new Uint8Array(total);
  header.set([...MAGIC, 1, 0, text.length & 255, text.length >> 8]);
  header.set(new TextEncoder().encode(text), 10);
  return header;
}

/** Writes a float32 array of any shape, such as logits [T,V], in as many pieces as the caller gives. */
export async function writeNpy(
  sink: FileSink,
  shape: readonly number[],
  pieces: Iterable<Float32Array> | AsyncIterable<Float32Array>,
): Promise<void> {
  await sink.write(npyHeader(shape));
  const expected = elements(shape);
  let found = 0;
  for await (const piece of pieces) {
    found += piece.length;
    await sink.write(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength));
  }
  if (found !== expected)
    throw new FormatError(
      ".npy",
      `found ${found} numbers to write, expected ${expected} for shape [${shape.join(", ")}]`,
    );
}

export async function readNpy(source: ByteSource): Promise<NpyArray> {
  const { text, dataStart } = await readHeader(source);
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const tuple = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || tuple === undefined)
    throw new FormatError(
      source.name,
      `found the header ${text.slice(0, 80).trim()}, expected descr, fortran_order and shape`,
    );
  if (!Object.hasOwn(DTYPES, descr)) throw new UnsupportedError(source.name, `dtype ${descr}`, Object.keys(DTYPES));
  if (fortran === "True") throw new UnsupportedError(source.name, "Fortran order", ["C order"]);
  const shape = tuple
    .split(",")
    .map((length) => length.trim())
    .filter((length) => length !== "")
    .map(Number);
  const ArrayType = DTYPES[descr as keyof typeof DTYPES];
  const byteLength = elements(shape) * ArrayType.BYTES_PER_ELEMENT;
  if (dataStart + byteLength !== source.size)
    throw new FormatError(
      source.name,
      `found ${source.size - dataStart} bytes of data, expected ${byteLength} for ${descr} [${shape.join(", ")}]`,
    );
  const data = new ArrayType(byteLength / ArrayType.BYTES_PER_ELEMENT);
  await source.read(dataStart, new Uint8Array(data.buffer));
  return { shape, data };
}

async function readHeader(source: ByteSource): Promise<{ text: string; dataStart: number }> {
  const start = new Uint8Array(Math.min(12, source.size));
  await source.read(0, start);
  const version = start[6];
  if (start.length < 10 || MAGIC.some((byte, i) => start[i] !== byte))
    throw new FormatError(source.name, "found other first bytes, expected those of a .npy file");
  if (version < 1 || version > 3) throw new UnsupportedError(source.name, `.npy version ${version}`, ["1", "2", "3"]);
  const view = new DataView(start.buffer);
  const lengthEnd = version === 1 ? 10 : 12;
  if (start.length < lengthEnd)
    throw new FormatError(source.name, `found ${source.size} bytes, expected a header; the file is cut short`);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES)
    throw new FormatError(source.name, `found a header of ${length} bytes, expected at most ${MAX_HEADER_BYTES}`);
  const header = new Uint8Array(length);
  await source.read(lengthEnd, header);
  return { text: new TextDecoder().decode(header), dataStart: lengthEnd + length };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}
