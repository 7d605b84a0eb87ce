/** Writes small GGUF files for tests. */

/** A metadata value with its type's number in the file. */
export type GgufValue =
  | {
      readonly type: "u8" | "i8" | "u16" | "i16" | "u32" | "i32" | "f32" | "u64" | "i64" | "f64";
      readonly value: number;
    }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | {
      readonly type: "array";
      readonly of: Exclude<GgufValue["type"], "array">;
      readonly values: readonly (number | boolean | string)[];
    };

const TYPES = ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "text", "array", "u64", "i64", "f64"];

export const u32 = (value: number): GgufValue => ({ type: "u32", value });
export const f32 = (value: number): GgufValue => ({ type: "f32", value });
export const text = (value: string): GgufValue => ({ type: "text", value });
export const texts = (values: readonly string[]): GgufValue => ({ type: "array", of: "text", values });

/** A tensor: its sizes fastest first, as in the file, the number of its type, and its bytes. */
export interface GgufTensor {
  readonly name: string;
  readonly sizes: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array;
}

export interface GgufParts {
  readonly keys: Readonly<Record<string, GgufValue>>;
  readonly tensors?: readonly GgufTensor[];
  readonly version?: number;
  readonly alignment?: number;
}

/** The bytes of a file. */
export function ggufBytes({ keys, tensors = [], version = 3, alignment = 32 }: GgufParts): Uint8Array {
  const out = new Pieces();
  out.bytes(new TextEncoder().encode("GGUF"));
  out.word("u32", version);
  out.word("u64", tensors.length);
  out.word("u64", Object.keys(keys).length);
  for (const [key, value] of Object.entries(keys)) {
    out.text(key);
    out.value(value);
  }
  let offset = 0;
  for (const { name, sizes, type, bytes } of tensors) {
    out.text(name);
    out.word("u32", sizes.length);
    for (const size of sizes) out.word("u64", size);
    out.word("u32", type);
    out.word("u64", offset);
    offset += Math.ceil(bytes.length / alignment) * alignment;
  }
  out.pad(alignment);
  for (const { bytes } of tensors) {
    out.bytes(bytes);
    out.pad(alignment);
  }
  return out.joined();
}

class Pieces {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  bytes(bytes: Uint8Array): void {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  pad(alignment: number): void {
    this.bytes(new Uint8Array((alignment - (this.#length % alignment)) % alignment));
  }

  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.word("u64", bytes.length);
    this.bytes(bytes);
  }

  value(value: GgufValue): void {
    this.word("u32", TYPES.indexOf(value.type));
    if (value.type !== "array") this.element(value.type, value.value);
    else {
      this.word("u32", TYPES.indexOf(value.of));
      this.word("u64", value.values.length);
      for (const each of value.values) this.element(value.of, each);
    }
  }

  element(type: Exclude<GgufValue["type"], "array">, value: number | boolean | string): void {
    if (type === "text") this.text(String(value));
    else this.word(type === "bool" ? "u8" : type, Number(value));
  }

  word(type: Exclude<GgufValue["type"], "array" | "text" | "bool">, value: number): void {
    const view = new DataView(new ArrayBuffer(8));
    const size = { u8: 1, i8: 1, u16: 2, i16: 2, u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8 }[type];
    if (type === "f32") view.setFloat32(0, value, true);
    else if (type === "f64") view.setFloat64(0, value, true);
    else view.setBigInt64(0, BigInt(value), true);
    this.bytes(new Uint8Array(view.buffer, 0, size));
  }

  joined(): Uint8Array {
    const joined = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      joined.set(piece, at);
      at += piece.length;
    }
    return joined;
  }
}
