// Latent attention (DeepSeek-V2): keys and values of all heads from the projection of a token's latent.

/**
 * Writes token t's keys and values to cache row rows[t]; a unit is a token. x[t] has for each head its key without positions [plain],
 * then its value [valueWidth]. The rotated part of the key, turned[t], is the same for all heads.
 * keyCache f32[row][heads * (plain + rotary)]: each head's plain part, then the rotated one; valueCache f32[row][heads * valueWidth].
 */
export function store_latent_f32(
  first: i32, last: i32, scratch: usize,
  keyCache: usize, valueCache: usize, x: usize, ldx: i32, turned: usize, ldt: i32, rows: usize,
  heads: i32, plain: i32, rotary: i32, valueWidth: i32,
): void {
  const plainBytes = <usize>plain << 2;
  const turnedBytes = <usize>rotary << 2;
  const valueBytes = <usize>valueWidth << 2;
  for (let token = first; token < last; token++) {
    const row = <usize>load<i32>(rows + (<usize>token << 2)) * <usize>heads;
    let from = x + (<usize>token * ldx << 2);
    let key = keyCache + row * (plainBytes + turnedBytes);
    let value = valueCache + row * valueBytes;
    for (let head = 0; head < heads; head++) {
      memory.copy(key, from, plainBytes);
      memory.copy(key + plainBytes, turned + (<usize>token * ldt << 2), turnedBytes);
      memory.copy(value, from + plainBytes, valueBytes);
      from += plainBytes + valueBytes;
      key += plainBytes + turnedBytes;
      value += valueBytes;
    }
  }
}
