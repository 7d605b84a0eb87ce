// Chooses experts: the top-k of the router's logits and their weights.
import { exp1, exp4 } from "../common/exp";

/** Fills experts[0..topK) with the indices of the largest logits, in descending order. On ties the lower index wins. */
export function choose(experts: usize, weights: usize, logits: usize, count: i32, topK: i32): void {
  let taken = 0;
  for (let expert = 0; expert < count; expert++) {
    const logit = load<f32>(logits + (<usize>expert << 2));
    // weights temporarily holds the chosen logits. Comparisons with a NaN are false, which ends every loop.
    if (taken == topK && !(logit > load<f32>(weights + (<usize>(topK - 1) << 2)))) continue;
    let slot = taken < topK ? taken++ : topK - 1;
    for (; slot > 0; slot--) {
      const above = <usize>(slot - 1) << 2;
      if (!(logit > load<f32>(weights + above))) break;
      store<f32>(weights + above, load<f32>(weights + above), 4);
      store<i32>(experts + above, load<i32>(experts + above), 4);
    }
    store<f32>(weights + (<usize>slot << 2), logit);
    store<i32>(experts + (<usize>slot << 2), expert);
  }
}

/** Sum of e^(logit - most) over all experts, in ascending order. */
export function expSum(logits: usize, count: i32, most: f32): f32 {
  const shift = f32x4.splat(most);
  let sum: f32 = 0;
  let at = logits;
  const end = logits + (<usize>count << 2);
  for (; at + 16 <= end; at += 16) {
    const e = exp4(f32x4.sub(v128.load(at), shift));
    sum += f32x4.extract_lane(e, 0);
    sum += f32x4.extract_lane(e, 1);
    sum += f32x4.extract_lane(e, 2);
    sum += f32x4.extract_lane(e, 3);
  }
  for (; at < end; at += 4) sum += exp1(load<f32>(at) - most);
  return sum;
}

/**
 * experts i32[T, topK] and weights f32[T, topK] from logits f32[T, E]; a unit is a token. topK <= E.
 * Experts are chosen by logit in descending order; on ties the lower index wins. Weights are the softmax over all E, divided by the sum
 * of the chosen ones if `renormalize` (which equals the softmax over the chosen logits), times scale.
 * NaN logits still give valid, distinct experts, with NaN weights.
 */
export function route_f32(
  first: i32, last: i32, scratch: usize,
  experts: usize, weights: usize, logits: usize, ldl: i32, expertCount: i32, topK: i32, renormalize: i32, scale: u32,
): void {
  const factor = reinterpret<f32>(scale);
  for (let token = first; token < last; token++) {
    const row = logits + (<usize>token * ldl << 2);
    const at = <usize>(token * topK) << 2;
    choose(experts + at, weights + at, row, expertCount, topK);
    const most = load<f32>(weights + at);
    const total = expSum(row, expertCount, most);
    let chosen: f32 = 0;
    for (let slot = 0; slot < topK; slot++) {
      const p = weights + at + (<usize>slot << 2);
      const weight = exp1(load<f32>(p) - most) / total;
      chosen += weight;
      store<f32>(p, weight);
    }
    const divisor: f32 = renormalize ? chosen : 1;
    for (let slot = 0; slot < topK; slot++) {
      const p = weights + at + (<usize>slot << 2);
      store<f32>(p, (load<f32>(p) / divisor) * factor);
    }
  }
}
