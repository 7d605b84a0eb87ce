/**
 * Draws the next token from logits. The order of steps is that of transformers and llama.cpp: repetition penalty,
 * temperature, top-k, top-p, min-p, draw. Every step gives the same bits on every engine; ties go to the lower id.
 */
import { NumericsError, UsageError } from "../base/errors.ts";
import { exp } from "../base/exact-math.ts";
import type { Random } from "../base/random.ts";
import { keepLargest, popUntil } from "./partial-sort.ts";

export interface SamplingOptions {
  /** Logits are divided by it; 0 takes the largest logit. Default 1. */
  readonly temperature?: number;
  /** Only the k most likely tokens; 0 (default) is all. */
  readonly topK?: number;
  /** Only the fewest most likely tokens that hold this share of the probability; 1 (default) is all. */
  readonly topP?: number;
  /** Only tokens at least this many times as likely as the most likely one; 0 (default) is all. */
  readonly minP?: number;
  /** Positive logits of tokens in the history are divided by it, negative ones multiplied (CTRL, arXiv:1909.05858). Default 1. */
  readonly repetitionPenalty?: number;
}

/** @throws UsageError naming the option. */
export function checkSampling(options: SamplingOptions): Required<SamplingOptions> {
  const { temperature = 1, topK = 0, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const need = (holds: boolean, option: string, value: number, expected: string) => {
    if (!holds) throw new UsageError(option, String(value), expected);
  };
  need(temperature >= 0 && Number.isFinite(temperature), "temperature", temperature, "a number of 0 or more");
  need(Number.isInteger(topK) && topK >= 0, "topK", topK, "a whole number of 0 or more");
  need(Number.isFinite(topP) && topP > 0 && topP <= 1, "topP", topP, "a number above 0, at most 1");
  need(Number.isFinite(minP) && minP >= 0 && minP < 1, "minP", minP, "a number from 0, below 1");
  const penaltyFits = repetitionPenalty > 0 && Number.isFinite(repetitionPenalty);
  need(penaltyFits, "repetitionPenalty", repetitionPenalty, "a number above 0");
  return { temperature, topK, topP, minP, repetitionPenalty };
}

/**
 * Id of the next token. `history` holds the ids that the repetition penalty is about; `logits` stay as they are and may
 * hold -Infinity for tokens that must not come. Takes one number from `random`, none at temperature 0.
 */
export function sample(
  logits: Float32Array,
  options: SamplingOptions,
  random: Random,
  history: Iterable<number> = [],
): number {
  const { temperature, topK, topP, minP, repetitionPenalty } = checkSampling(options);
  const scores = repetitionPenalty === 1 ? logits : penalise(logits, history, repetitionPenalty);
  const best = argmax(scores);
  if (temperature === 0) return best;
  const ids = topK > 0 && topK < scores.length ? keepLargest(scores, topK) : allIds(scores.length);
  let kept: Candidates = { ids, weights: weigh(scores, ids, scores[best], temperature) };
  if (topP < 1) kept = nucleus(kept, topP);
  if (minP > 0) kept = filter(kept, minP); // the most likely token weighs 1
  return draw(kept, random);
}

/** Weights are probabilities times an unknown factor that makes the largest 1. */
interface Candidates {
  readonly ids: Int32Array;
  readonly weights: Float64Array;
}

function allIds(count: number): Int32Array {
  const ids = new Int32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

function penalise(logits: Float32Array, history: Iterable<number>, penalty: number): Float32Array {
  const scores = logits.slice();
  for (const id of new Set(history)) {
    if (id < 0 || id >= scores.length) continue;
    scores[id] = scores[id] > 0 ? scores[id] / penalty : scores[id] * penalty;
  }
  return scores;
}

function argmax(scores: Float32Array): number {
  let best = 0;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id];
    if (score > scores[best]) best = id;
    if (Number.isNaN(score)) throw new NumericsError("logits", `the logit of token ${id} is not a number`);
  }
  if (!Number.isFinite(scores[best])) throw new NumericsError("logits", `the largest one is ${scores[best]}`);
  return best;
}

function weigh(scores: Float32Array, ids: Int32Array, most: number, temperature: number): Float64Array {
  const weights = new Float64Array(ids.length);
  for (let i = 0; i < ids.length; i++) weights[i] = exp((scores[ids[i]] - most) / temperature);
  return weights;
}

function sum(weights: Float64Array): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) total += weights[i];
  return total;
}

/** The most likely candidates, descending, up to and with the one that brings their share to `share`. */
function nucleus({ ids, weights }: Candidates, share: number): Candidates {
  const total = sum(weights);
  // All below this line together hold less than 1 - share, so none of them can be needed.
  const line = (total * (1 - share)) / weights.length;
  const order = new Int32Array(ids.length);
  let count = 0;
  for (let i = 0; i < ids.length; i++) if (weights[i] >= line) order[count++] = i;
  const comesFirst = (a: number, b: number) =>
    weights[a] > weights[b] || (weights[a] === weights[b] && ids[a] < ids[b]);
  let mass = 0;
  const taken = popUntil(order.subarray(0, count), comesFirst, (i) => {
    mass += weights[i];
    return mass >= share * total;
  });
  return pick({ ids, weights }, taken);
}

function filter({ ids, weights }: Candidates, least: number): Candidates {
  const taken: number[] = [];
  for (let i = 0; i < ids.length; i++) if (weights[i] >= least) taken.push(i);
  return pick({ ids, weights }, taken);
}

function pick({ ids, weights }: Candidates, taken: readonly number[]): Candidates {
  return { ids: Int32Array.from(taken, (i) => ids[i]), weights: Float64Array.from(taken, (i) => weights[i]) };
}

function draw({ ids, weights }: Candidates, random: Random): number {
  const goal = random.next() * sum(weights);
  let mass = 0;
  let last = 0;
  for (let i = 0; i < ids.length; i++) {
    if (weights[i] === 0) continue;
    mass += weights[i];
    if (mass > goal) return ids[i];
    last = i;
  }
  return ids[last]; // goal rounded up to the whole sum
}
