/** A tiny safetensors reader for fixtures: name to typed array. The product's own reader is src/format/safetensors.ts. */
import { readFileSync } from "node:fs";

const ARRAYS = { F32: Float32Array, F64: Float64Array, U8: Uint8Array, I32: Int32Array } as const;
type Header = Record<string, { dtype: keyof typeof ARRAYS; data_offsets: [number, number] }>;
export type FixtureArray = Float32Array | Float64Array | Uint8Array | Int32Array;

export function readFixture(path: string): Map<string, FixtureArray> {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start)) as Header;
  const tensors = new Map<string, FixtureArray>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [from, to] = entry.data_offsets;
    tensors.set(name, new ARRAYS[entry.dtype](Uint8Array.from(bytes.subarray(start + from, start + to)).buffer));
  }
  return tensors;
}
