/** Widens float tensors to f32. */

import { bf16Value, f16Value } from "../../../tensor/float16.ts";
import type { GgufType } from "../gguf-types.ts";

/** The values of F32, F16 or BF16 bytes, exact. */
export function plainValues(type: GgufType, bytes: Uint8Array<ArrayBuffer>): Float32Array {
  if (type === "F32") return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const decode = type === "F16" ? f16Value : bf16Value;
  return Float32Array.from(new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2), decode);
}
