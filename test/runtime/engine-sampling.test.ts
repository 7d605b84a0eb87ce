/** Sampling with kernels: the same weights and ids as the code that needs no engine. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { EngineSampling } from "../../src/runtime/engine-sampling.ts";
import { SampleRoom, sample } from "../../src/runtime/sampler.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import type { Machine } from "../../src/wasm/machine.ts";
import { gaussians } from "../helpers/random.ts";

const SIZES = [1, 2, 255, 256, 257, 1001];
const OPTIONS = [
  {},
  { temperature: 0.7 },
  { topP: 0.9 },
  { topK: 5 },
  { minP: 0.05 },
  { repetitionPenalty: 1.3 },
  { temperature: 0 },
];

describe.each([1, 2])("EngineSampling on %i threads", (threads) => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await createMachine({ threads });
  });
  afterAll(() => machine[Symbol.asyncDispose]());

  /** Logits with ties, values far below the largest one, and tokens that must not be drawn. */
  function logitsOf(size: number): Float32Array {
    const logits = gaussians(size, size).map((value) => 6 * value);
    for (let id = 3; id < size; id += 7) logits[id] = logits[id - 3];
    for (let id = 5; id < size; id += 11) logits[id] = -1000 * id;
    if (size > 20) logits[17] = Number.NEGATIVE_INFINITY;
    return logits;
  }

  it.each(SIZES)("draws the same ids of %i, by the same weights", (size) => {
    using engine = new EngineSampling(machine, size);
    const [with_, without] = [new SampleRoom(size, engine), new SampleRoom(size)];
    const logits = logitsOf(size);
    for (const options of OPTIONS) {
      const [one, two] = [createRandom(7), createRandom(7)];
      for (let draw = 0; draw < 20; draw++)
        expect(sample(logits, options, one, [0, 1], with_)).toBe(sample(logits, options, two, [0, 1], without));
    }
    sample(logits, { temperature: 0.9 }, createRandom(1), [], without);
    engine.largest(logits);
    expect(engine.weigh(Math.max(...logits), 0.9)).toEqual(without.weights);
  });

  it("reads logits that lie in the engine's memory there, and does not change them", () => {
    using engine = new EngineSampling(machine, 257);
    using region = machine.arena.region();
    const logits = logitsOf(257);
    const inside = machine.arena.f32(region.alloc(4 * 257), 257);
    inside.set(logits);
    const room = new SampleRoom(257, engine);
    const plain = new SampleRoom(257);
    for (const options of [{}, { temperature: 0 }, { topP: 0.9 }, { repetitionPenalty: 1.3 }, { temperature: 0.7 }]) {
      const [one, two] = [createRandom(3), createRandom(3)];
      for (const scores of [inside, logits, inside])
        expect(sample(scores, options, one, [0, 1], room)).toBe(sample(logits, options, two, [0, 1], plain));
    }
    expect(inside).toEqual(logits);
  });

  it("refuses what the other code refuses, with the same words", () => {
    using engine = new EngineSampling(machine, 3);
    for (const bad of [
      [1, Number.NaN, 2],
      [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    ]) {
      const logits = Float32Array.from(bad);
      const refusal = (room: SampleRoom) => {
        try {
          return String(sample(logits, {}, createRandom(0), [], room));
        } catch (error) {
          return String(error);
        }
      };
      expect(refusal(new SampleRoom(3, engine))).toBe(refusal(new SampleRoom(3)));
      expect(refusal(new SampleRoom(3))).toContain("NumericsError");
    }
  });

  it("goes on after the memory has grown, and gives it back", () => {
    const before = machine.arena.used;
    const engine = new EngineSampling(machine, 4);
    const logits = Float32Array.of(0, 1, 2, 3);
    const weights = () => engine.weigh(logits[engine.largest(logits)], 1).slice();
    const first = weights();
    using more = machine.arena.region();
    more.alloc(64 << 20);
    expect(weights()).toEqual(first);
    more[Symbol.dispose]();
    engine[Symbol.dispose]();
    expect(machine.arena.used).toBe(before);
  });
});
