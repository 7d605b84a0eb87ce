// Chooses experts by scores that may differ from their weights: sigmoid or softmax scores, a bias of the choice, and groups of experts.
import { exp1 } from "../common/exp";
import { choose, expSum } from "./router";

// Words of `shape`, in bytes.
const TOP_K: usize = 4;
const SIGMOID: usize = 8;
const BIAS: usize = 12;
const GROUPS: usize = 16;
const TOP_GROUPS: usize = 20;
const GROUP_BEST: usize = 24;
const RENORMALIZE: usize = 28;
const EPSILON: usize = 32;
const SCALE: usize = 36;

/** scores[e] = sigmoid(logits[e]), or the softmax over all of them. */
function score(scores: usize, logits: usize, count: i32, sigmoid: bool): void {
  const bytes = <usize>count << 2;
  if (sigmoid) {
    for (let at: usize = 0; at < bytes; at += 4) store<f32>(scores + at, 1 / (<f32>1 + exp1(-load<f32>(logits + at))));
    return;
  }
  let most: f32 = -Infinity;
  for (let at: usize = 0; at < bytes; at += 4) most = max(most, load<f32>(logits + at));
  const total = expSum(logits, count, most);
  for (let at: usize = 0; at < bytes; at += 4) store<f32>(scores + at, exp1(load<f32>(logits + at) - most) / total);
}

/** The sum of the `best` (1 or 2) largest of `count` values. */
function bestOf(values: usize, count: i32, best: i32): f32 {
  let highest: f32 = -Infinity;
  let second: f32 = -Infinity;
  for (let i = 0; i < count; i++) {
    const value = load<f32>(values + (<usize>i << 2));
    if (value > highest) {
      second = highest;
      highest = value;
    } else if (value > second) second = value;
  }
  return best == 2 ? highest + second : highest;
}

/** Sets the values outside of the best `topGroups` groups to -Infinity. `room` has 4 bytes for each group and for each chosen group, twice. */
function keepGroups(values: usize, room: usize, count: i32, groups: i32, topGroups: i32, best: i32): void {
  const size = count / groups;
  for (let group = 0; group < groups; group++)
    store<f32>(room + (<usize>group << 2), bestOf(values + (<usize>(group * size) << 2), size, best));
  const chosen = room + (<usize>groups << 2);
  choose(chosen, chosen + (<usize>topGroups << 2), room, groups, topGroups);
  for (let group = 0; group < groups; group++) {
    let kept = false;
    for (let slot = 0; slot < topGroups; slot++) if (load<i32>(chosen + (<usize>slot << 2)) == group) kept = true;
    if (kept) continue;
    for (let i = group * size; i < (group + 1) * size; i++) store<f32>(values + (<usize>i << 2), -Infinity);
  }
}

/** Sorts the choices of a token by weight, largest first; equal ones keep their order. */
function sort(experts: usize, weights: usize, topK: i32): void {
  for (let slot = 1; slot < topK; slot++) {
    const expert = load<i32>(experts + (<usize>slot << 2));
    const weight = load<f32>(weights + (<usize>slot << 2));
    let to = slot;
    for (; to > 0 && weight > load<f32>(weights + (<usize>(to - 1) << 2)); to--) {
      store<f32>(weights + (<usize>to << 2), load<f32>(weights + (<usize>(to - 1) << 2)));
      store<i32>(experts + (<usize>to << 2), load<i32>(experts + (<usize>(to - 1) << 2)));
    }
    store<f32>(weights + (<usize>to << 2), weight);
    store<i32>(experts + (<usize>to << 2), expert);
  }
}

/**
 * experts i32[T, topK] and weights f32[T, topK], largest weight first, from logits f32[T, E]; a unit is a token. topK <= E.
 * shape: words { E, topK, sigmoid (0: softmax over all E), address of bias f32[E] or 0, groups, topGroups, groupBest, renormalize,
 * f32 epsilon, f32 scale }. Experts are chosen by score + bias. If there are several groups (of equal size, in order), only experts of
 * the best `topGroups` take part; a group's value is the sum of its best `groupBest` (1 or 2) experts. Weights are the scores without
 * bias, divided by (their sum + epsilon) if `renormalize`, times scale. On ties the lower index wins.
 * NaN logits still give valid, distinct experts, with NaN weights. Scratch: 8 bytes for each expert, 12 for each group.
 */
export function route_scored_f32(
  first: i32, last: i32, scratch: usize, experts: usize, weights: usize, logits: usize, ldl: i32, shape: usize,
): void {
  const count = load<i32>(shape);
  const topK = load<i32>(shape, TOP_K);
  const bias = <usize>load<u32>(shape, BIAS);
  const groups = load<i32>(shape, GROUPS);
  const values = scratch + (<usize>count << 2);
  const room = values + (<usize>count << 2);
  for (let token = first; token < last; token++) {
    const at = <usize>(token * topK) << 2;
    score(scratch, logits + (<usize>token * ldl << 2), count, load<i32>(shape, SIGMOID) != 0);
    memory.copy(values, scratch, <usize>count << 2);
    if (bias)
      for (let i: usize = 0; i < <usize>count << 2; i += 4) store<f32>(values + i, load<f32>(values + i) + load<f32>(bias + i));
    if (groups > 1) keepGroups(values, room, count, groups, load<i32>(shape, TOP_GROUPS), load<i32>(shape, GROUP_BEST));
    choose(experts + at, weights + at, values, count, topK);
    for (let slot: usize = 0; slot < <usize>topK << 2; slot += 4)
      store<f32>(weights + at + slot, load<f32>(scratch + (<usize>load<i32>(experts + at + slot) << 2)));
    sort(experts + at, weights + at, topK);
    let sum: f32 = 0;
    for (let slot: usize = 0; slot < <usize>topK << 2; slot += 4) sum += load<f32>(weights + at + slot);
    const divisor: f32 = load<i32>(shape, RENORMALIZE) ? sum + load<f32>(shape, EPSILON) : 1;
    for (let slot: usize = 0; slot < <usize>topK << 2; slot += 4)
      store<f32>(weights + at + slot, (load<f32>(weights + at + slot) / divisor) * load<f32>(shape, SCALE));
  }
}
