/** A naive reader of GGUF files by its own few lines: numbers and texts of the metadata, and all tensors in float64. */
import { bf16Value, f16Value } from "../../src/tensor/float16.ts";
import { dequantized, TWIN_TYPES, TYPES } from "./gguf-blocks.ts";

export interface Matrix {
  readonly rows: number;
  readonly cols: number;
  readonly values: Float64Array;
}

/** Keys (numbers and texts only) and tensors of a file, all in float64. */
export interface NaiveGguf {
  readonly keys: ReadonlyMap<string, number | string>;
  readonly tensors: ReadonlyMap<string, Matrix>;
}

/** Bytes of values by the number of their type; 0 for texts and lists. */
const SIZES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

class Reader {
  at = 4;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u32(): number {
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }
  u64(): number {
    this.at += 8;
    return Number(this.#view.getBigUint64(this.at - 8, true));
  }
  text(): string {
    const length = this.u64();
    this.at += length;
    return new TextDecoder().decode(this.#bytes.subarray(this.at - length, this.at));
  }
  value(type: number): number | string | undefined {
    if (type === 8) return this.text();
    if (type === 9) {
      const [element, count] = [this.u32(), this.u64()];
      for (let i = 0; i < count; i++) this.value(element);
      return undefined;
    }
    const at = this.at;
    this.at += SIZES[type];
    if (type === 6) return this.#view.getFloat32(at, true);
    return type === 4 || type === 5 ? this.#view.getUint32(at, true) : this.#bytes[at];
  }
}

export function readNaive(bytes: Uint8Array): NaiveGguf {
  const reader = new Reader(bytes);
  reader.u32();
  const [tensorCount, keyCount] = [reader.u64(), reader.u64()];
  const keys = new Map<string, number | string>();
  for (let i = 0; i < keyCount; i++) {
    const key = reader.text();
    const value = reader.value(reader.u32());
    if (value !== undefined) keys.set(key, value);
  }
  const found = Array.from({ length: tensorCount }, () => {
    const name = reader.text();
    const sizes = Array.from({ length: reader.u32() }, () => reader.u64());
    return { name, sizes, type: reader.u32(), offset: reader.u64() };
  });
  const start = Math.ceil(reader.at / 32) * 32;
  const tensors = new Map<string, Matrix>();
  for (const { name, sizes, type, offset } of found) {
    const count = sizes.reduce((product, size) => product * size, 1);
    tensors.set(name, {
      rows: count / sizes[0],
      cols: sizes[0],
      values: decode(bytes.subarray(start + offset), type, count),
    });
  }
  return { keys, tensors };
}

function decode(bytes: Uint8Array, type: number, count: number): Float64Array {
  const word = (i: number) => bytes[2 * i] | (bytes[2 * i + 1] << 8);
  if (type === 0) return Float64Array.from(new Float32Array(bytes.slice(0, 4 * count).buffer));
  if (type === 1) return Float64Array.from({ length: count }, (_, i) => f16Value(word(i)));
  if (type === 30) return Float64Array.from({ length: count }, (_, i) => bf16Value(word(i)));
  const name = TWIN_TYPES.find((each) => TYPES[each].id === type)!;
  return dequantized(name, bytes.subarray(0, (count / TYPES[name].elements) * TYPES[name].bytes));
}
