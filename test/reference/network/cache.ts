/** f16 bits of the number that is nearest to a number, of two equally near ones the even one: by search, not by bits. */
import { f16Value } from "../../../src/tensor/float16.ts";

export function nearestF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // 65520 lies between the largest f16 and the next power of two.
  if (size >= 65520) return sign | 0x7c00;
  let [low, high] = [0, 0x7bff];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (f16Value(middle) <= size) low = middle;
    else high = middle - 1;
  }
  const next = low === 0x7bff ? 65536 : f16Value(low + 1);
  const rest = size - f16Value(low) - (next - size);
  return sign | (rest > 0 || (rest === 0 && low % 2 === 1) ? low + 1 : low);
}
