/**
 * Draws the next token from logits. The order of steps is that of transformers and llama.cpp: repetition penalty,
 * temperature, top-k, top-p, min-p, draw. Every step gives the same bits on every engine; of equal logits the lower id comes first.
 */
import { NumericsError, UsageError } from "../base/errors.ts";
import { exp } from "../base/exact-math.ts";
import type { Random } from "../base/random.ts";
import { keepLargest, popUntil } from "./partial-sort.ts";

export interface SamplingOptions {
  /** Divides the logits; 0 always takes the largest logit. Default 1. */
  readonly temperature?: number;
  /** Keeps only the k most likely tokens; 0 (default) keeps all. */
  readonly topK?: number;
  /** Keeps only the most likely tokens that together reach this share of the probability; 1 (default) keeps all. */
  readonly topP?: number;
  /** Keeps only tokens whose probability is at least this factor times that of the most likely one; 0 (default) keeps all. */
  readonly minP?: number;
  /** Divides the positive logits of tokens in the history and multiplies the negative ones (CTRL, arXiv:1909.05858). Default 1. */
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

/** Weights below e^-708 count as 0. */
const LEAST_LOG = -708;

/** Computes over all tokens what a draw needs, with the same results as the code here. */
export interface SampleEngine {
  /** Id of the largest score, on ties the lowest; -1 if one is not finite. Scores that lie in the engine's memory are read there. */
  largest(scores: Float32Array): number;
  /** e^((score - most) / temperature) of each score that `largest` got last. The array is valid until the next call. */
  weigh(most: number, temperature: number): Float64Array;
}

/** Arrays for the candidates, reused from one draw to the next so that a token allocates nothing. */
export class SampleRoom {
  readonly scores: Float32Array;
  /** Ids of the candidates, and their weights: probabilities divided by the largest one. */
  readonly ids: Int32Array;
  readonly weights: Float64Array;
  /** Indices of candidates, in the order in which they are taken. */
  readonly order: Int32Array;
  readonly sortedIds: Int32Array;
  readonly sortedWeights: Float64Array;
  /** 1 for an id that is already penalised. */
  readonly seen: Uint8Array;
  /** Undefined: everything is computed here. */
  readonly engine: SampleEngine | undefined;

  constructor(vocabSize: number, engine?: SampleEngine) {
    this.engine = engine;
    this.scores = new Float32Array(vocabSize);
    this.ids = new Int32Array(vocabSize);
    this.weights = new Float64Array(vocabSize);
    this.order = new Int32Array(vocabSize);
    this.sortedIds = new Int32Array(vocabSize);
    this.sortedWeights = new Float64Array(vocabSize);
    this.seen = new Uint8Array(vocabSize);
  }
}

/**
 * Id of the next token. The repetition penalty applies to the ids in `history`. `logits` are not changed; they may be -Infinity for
 * tokens that must not be drawn. Takes one number from `random`, none at temperature 0.
 * @param room arrays for as many ids as there are logits; their contents do not matter.
 */
export function sample(
  logits: Float32Array,
  options: SamplingOptions,
  random: Random,
  history: readonly number[] = [],
  room: SampleRoom = new SampleRoom(logits.length),
): number {
  const { temperature, topK, topP, minP, repetitionPenalty } = checkSampling(options);
  const scores = repetitionPenalty === 1 ? logits : penalise(logits, history, repetitionPenalty, room);
  const best = argmax(scores, room);
  if (temperature === 0) return best;
  const isWhole = topK === 0 || topK >= scores.length;
  const found = isWhole ? room.engine?.weigh(scores[best], temperature) : undefined;
  if (found !== undefined && topP === 1 && minP === 0) return draw(found, scores.length, random); // all tokens, where they lie
  let count = isWhole ? scores.length : topK;
  if (isWhole) for (let id = 0; id < count; id++) room.ids[id] = id;
  else keepLargest(scores, count, room.ids);
  if (found !== undefined) room.weights.set(found);
  else weigh(scores, count, scores[best], temperature, room);
  if (topP < 1) count = nucleus(room, count, topP);
  if (minP > 0) count = filter(room, count, minP); // the most likely token weighs 1
  return room.ids[draw(room.weights, count, random)];
}

function penalise(logits: Float32Array, history: readonly number[], penalty: number, room: SampleRoom): Float32Array {
  const { scores, seen } = room;
  scores.set(logits);
  for (let at = 0; at < history.length; at++) {
    const id = history[at];
    if (id < 0 || id >= scores.length || seen[id] === 1) continue;
    seen[id] = 1;
    scores[id] = scores[id] > 0 ? scores[id] / penalty : scores[id] * penalty;
  }
  for (let at = 0; at < history.length; at++) if (history[at] >= 0) seen[history[at]] = 0;
  return scores;
}

/** Weights of the first `count` candidates. */
function weigh(
  scores: Float32Array,
  count: number,
  most: number,
  temperature: number,
  { ids, weights }: SampleRoom,
): void {
  for (let i = 0; i < count; i++) {
    const power = (scores[ids[i]] - most) / temperature;
    weights[i] = power < LEAST_LOG ? 0 : exp(power);
  }
}

/** Id of the largest score. An engine leaves rows that are not finite to the code here. */
function argmax(scores: Float32Array, { engine }: SampleRoom): number {
  const found = engine?.largest(scores) ?? -1;
  return found >= 0 ? found : checkedArgmax(scores);
}

function checkedArgmax(scores: Float32Array): number {
  let best = 0;
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < scores.length; id++) {
    const score = scores[id];
    if (score <= top) continue;
    if (Number.isNaN(score)) throw new NumericsError("logits", `the logit of token ${id} is not a number`);
    best = id;
    top = score;
  }
  if (!Number.isFinite(scores[best])) throw new NumericsError("logits", `the largest one is ${scores[best]}`);
  return best;
}

function sum(weights: Float64Array, count: number): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += weights[i];
  return total;
}

/** Keeps the most likely candidates, descending, up to and including the one with which they reach `share`. Returns their number. */
function nucleus(room: SampleRoom, count: number, share: number): number {
  const { ids, weights, order, sortedIds, sortedWeights } = room;
  const total = sum(weights, count);
  // All candidates below this line together have less than 1 - share, so none of them can be needed.
  const line = (total * (1 - share)) / count;
  let likely = 0;
  for (let i = 0; i < count; i++) if (weights[i] >= line) order[likely++] = i;
  const comesFirst = (a: number, b: number) =>
    weights[a] > weights[b] || (weights[a] === weights[b] && ids[a] < ids[b]);
  let mass = 0;
  const taken = popUntil(order, likely, comesFirst, (i) => {
    mass += weights[i];
    return mass >= share * total;
  });
  for (let i = 0; i < taken; i++) {
    sortedIds[i] = ids[order[likely - 1 - i]];
    sortedWeights[i] = weights[order[likely - 1 - i]];
  }
  for (let i = 0; i < taken; i++) {
    ids[i] = sortedIds[i];
    weights[i] = sortedWeights[i];
  }
  return taken;
}

/** Keeps the candidates whose weight is at least `least`, in their order. Returns their number. */
function filter({ ids, weights }: SampleRoom, count: number, least: number): number {
  let kept = 0;
  for (let i = 0; i < count; i++) {
    if (weights[i] < least) continue;
    ids[kept] = ids[i];
    weights[kept++] = weights[i];
  }
  return kept;
}

/** Index of the candidate that is drawn. */
function draw(weights: Float64Array, count: number, random: Random): number {
  const goal = random.next() * sum(weights, count);
  let mass = 0;
  let last = 0;
  for (let i = 0; i < count; i++) {
    if (weights[i] === 0) continue;
    mass += weights[i];
    if (mass > goal) return i;
    last = i;
  }
  return last; // the goal was rounded up to the whole sum
}
