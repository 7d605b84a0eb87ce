// Latent attention (DeepSeek-V2): keys and values of all heads from the projection of a token's latent.
import { storeCells } from "./cache";

/**
 * Writes token t's keys and values to cache row rows[t]; a unit is a token. x[t] has for each head its key without positions [plain],
 * then its value [valueWidth]. The rotated part of the key, turned[t], is the same for all heads.
 * Key cache [row][heads * (plain + rotary)]: each head's plain part, then the rotated one; value cache [row][heads * valueWidth]. `isHalf`:
 * they have f16.
 */
export function store_latent(
  first: i32, last: i32, scratch: usize,
  keyCache: usize, valueCache: usize, x: usize, ldx: i32, turned: usize, ldt: i32, rows: usize,
  heads: i32, plain: i32, rotary: i32, valueWidth: i32, isHalf: i32,
): void {
  for (let token = first; token < last; token++) {
    const row = <usize>load<i32>(rows + (<usize>token << 2)) * <usize>heads;
    let from = x + (<usize>token * ldx << 2);
    let key = row * (plain + rotary);
    let value = row * valueWidth;
    for (let head = 0; head < heads; head++) {
      storeCells(keyCache, key, from, plain, isHalf);
      storeCells(keyCache, key + plain, turned + (<usize>token * ldt << 2), rotary, isHalf);
      storeCells(valueCache, value, from + (<usize>plain << 2), valueWidth, isHalf);
      from += <usize>(plain + valueWidth) << 2;
      key += plain + rotary;
      value += valueWidth;
    }
  }
}
