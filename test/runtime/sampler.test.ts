import { describe, expect, it } from "vitest";
import { NumericsError, UsageError } from "../../src/base/errors.ts";
import { createRandom, type Random } from "../../src/base/random.ts";
import { checkSampling, type SamplingOptions, sample } from "../../src/runtime/sampler.ts";
import { gaussians } from "../helpers/random.ts";

/** Probabilities by the definitions, with full sorts. */
function probabilities(
  logits: Float32Array,
  options: SamplingOptions,
  history: readonly number[],
): Map<number, number> {
  const { temperature, topK, topP, minP, repetitionPenalty } = checkSampling(options);
  const scores = [...logits].map((x, id) => {
    if (!history.includes(id)) return x;
    return Math.fround(x > 0 ? x / repetitionPenalty : x * repetitionPenalty);
  });
  const normalised = (entries: [number, number][]) => {
    const total = entries.reduce((sum, [, p]) => sum + p, 0);
    return entries.map(([id, p]): [number, number] => [id, p / total]);
  };
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  const kept = topK > 0 ? order.slice(0, topK) : order;
  let entries = normalised(kept.map((id) => [id, Math.exp((scores[id] - scores[order[0]]) / temperature)]));
  let before = 0;
  entries = entries.filter(([, p]) => {
    const keep = topP === 1 || before < topP;
    before += p;
    return keep;
  });
  return new Map(normalised(entries.filter(([, p]) => p >= minP * entries[0][1])));
}

const N = 40_000;

/** Pearson's statistic over the tokens expected at least 5 times, the rest taken together; and its degrees of freedom. */
function chiSquare(logits: Float32Array, options: SamplingOptions, history: readonly number[]) {
  const expected = probabilities(logits, options, history);
  const counts = new Map<number, number>();
  const random = createRandom(11);
  for (let i = 0; i < N; i++) {
    const id = sample(logits, options, random, history);
    if (!expected.has(id)) expect.fail(`token ${id} was filtered out`);
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  let [statistic, cells, restExpected, restCount] = [0, 0, 0, 0];
  const add = (count: number, mean: number) => {
    statistic += (count - mean) ** 2 / mean;
    cells++;
  };
  for (const [id, p] of expected) {
    if (p * N >= 5) add(counts.get(id) ?? 0, p * N);
    else {
      restExpected += p * N;
      restCount += counts.get(id) ?? 0;
    }
  }
  if (restExpected >= 5) add(restCount, restExpected);
  return { statistic, freedom: cells - 1 };
}

const LOGITS = gaussians(101, 3).map((x) => x * 2);

describe("sample", () => {
  it.each<SamplingOptions>([
    {},
    { temperature: 0.5 },
    { temperature: 2 },
    { topK: 7 },
    { topK: 1000 },
    { topP: 0.9 },
    { topP: 0.3, temperature: 1.5 },
    { minP: 0.05 },
    { repetitionPenalty: 1.3 },
    { repetitionPenalty: 0.8 },
    { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.02, repetitionPenalty: 1.1 },
  ])("draws with the expected frequencies at %o", (options) => {
    const { statistic, freedom } = chiSquare(LOGITS, options, [0, 3, 3, 50, 17]);
    // Mean `freedom`, variance 2 `freedom`: four standard deviations.
    expect(statistic).toBeLessThan(freedom + 4 * Math.sqrt(2 * freedom));
    expect(freedom).toBeGreaterThan(1);
  });

  it("takes the largest logit at temperature 0, the lowest id among equals, and no random number", () => {
    const never: Random = {
      next: () => expect.fail("drew"),
      integer: () => expect.fail("drew"),
      integers: () => expect.fail("drew"),
    };
    expect(sample(Float32Array.from([1, 5, 2, 5]), { temperature: 0 }, never)).toBe(1);
    expect(sample(Float32Array.from([1, 5, 2, 5]), { temperature: 0, repetitionPenalty: 2 }, never, [1])).toBe(3);
  });

  it("takes the largest logit where a filter leaves nothing else", () => {
    const random = createRandom(1);
    for (const options of [{ topK: 1 }, { topP: 1e-9 }, { minP: 0.999 }, { temperature: 1e-6 }])
      for (let i = 0; i < 50; i++) expect(sample(LOGITS, options, random)).toBe(LOGITS.indexOf(Math.max(...LOGITS)));
  });

  it("keeps the lower ids among equals", () => {
    const flat = new Float32Array(100);
    const seen = (options: SamplingOptions) => {
      const random = createRandom(2);
      return new Set(Array.from({ length: 500 }, () => sample(flat, options, random)));
    };
    expect([...seen({ topK: 3 })].sort()).toEqual([0, 1, 2]);
    expect([...seen({ topP: 0.035 })].sort()).toEqual([0, 1, 2, 3]);
  });

  it("penalises an id once, however often it came", () => {
    const logits = Float32Array.from([2, 1.5, -3]);
    const options = { temperature: 0, repetitionPenalty: 1.2 };
    expect(sample(logits, options, createRandom(0), [0, 0, 0, 0])).toBe(0);
    expect(sample(logits, { ...options, repetitionPenalty: 1.5 }, createRandom(0), [0])).toBe(1);
    expect(sample(logits, options, createRandom(0), [-1, 3, 99])).toBe(0);
  });

  it("leaves the logits as they are", () => {
    const copy = LOGITS.slice();
    sample(LOGITS, { topK: 5, topP: 0.5, minP: 0.1, repetitionPenalty: 2, temperature: 0.3 }, createRandom(0), [1, 2]);
    expect(LOGITS).toEqual(copy);
  });

  it("gives these tokens for this seed, for ever", () => {
    const random = createRandom(42);
    const logits = Float32Array.from({ length: 5003 }, () => 20 * random.next() * random.next());
    const all = [{}, { topP: 0.9 }, { topK: 50 }, { minP: 0.1 }, { temperature: 0.7, topK: 100, topP: 0.95 }];
    expect(all.flatMap((options) => [1, 2, 3].map(() => sample(logits, options, random)))).toEqual([
      3243, 3978, 279, 2064, 2641, 3352, 3663, 43, 736, 279, 2641, 4052, 279, 4900, 2561,
    ]);
  });

  it("never draws a token of -Infinity", () => {
    const random = createRandom(3);
    const logits = Float32Array.from([-Infinity, 0, -Infinity, 0, -Infinity]);
    for (let i = 0; i < 200; i++) expect(sample(logits, i % 2 ? {} : { topP: 0.99 }, random) % 2).toBe(1);
  });

  it("stops at logits that are not numbers or all out of range", () => {
    for (const bad of [
      [1, NaN, 2],
      [NaN, 1],
      [1, Infinity],
      [-Infinity, -Infinity],
    ])
      expect(() => sample(Float32Array.from(bad), {}, createRandom(0))).toThrow(NumericsError);
  });
});

describe("checkSampling", () => {
  it("fills in what is not given", () => {
    expect(checkSampling({})).toEqual({ temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 });
  });

  it.each<SamplingOptions>([
    { temperature: -0.1 },
    { temperature: NaN },
    { temperature: Infinity },
    { topK: -1 },
    { topK: 2.5 },
    { topP: 0 },
    { topP: 1.1 },
    { minP: -0.1 },
    { minP: 1 },
    { repetitionPenalty: 0 },
    { repetitionPenalty: NaN },
  ])("rejects %o by name", (options) => {
    expect(() => checkSampling(options)).toThrow(UsageError);
    expect(() => checkSampling(options)).toThrow(new RegExp(`^${Object.keys(options)[0]}: found`));
  });
});
