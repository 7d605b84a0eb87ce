import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../../src/base/random.ts";
import { Turns } from "../../../src/base/turns.ts";
import { AdamW } from "../../../src/compress/predictor/adamw.ts";
import { type Prediction, trainPredictor } from "../../../src/compress/predictor/predictor.ts";
import { PredictorNetwork } from "../../../src/compress/predictor/predictor-network.ts";
import { type Example, type TrainingOptions, train } from "../../../src/compress/predictor/predictor-training.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { selfSample } from "../../../src/compress/windows/calibration-text.ts";
import type { Model } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import type { Machine } from "../../../src/wasm/machine.ts";
import { worstError } from "../../helpers/cuts.ts";
import { gaussians } from "../../helpers/random.ts";
import { openModel } from "../../model/cases.ts";
import { adamw } from "../../reference/predictor/adamw.ts";

/** y = tanh(w . relu(W x)) in f64, from the network's own layout. */
function naive({ shape: { width, hidden }, weights }: PredictorNetwork, x: ArrayLike<number>): number[] {
  return Array.from({ length: x.length / width }, (_, row) => {
    let sum = 0;
    for (let n = 0; n < hidden; n++) {
      let z = 0;
      for (let k = 0; k < width; k++) z += weights.first[((n >> 4) * width + k) * 16 + (n & 15)] * x[row * width + k];
      sum += weights.second[n] * Math.max(0, z);
    }
    return Math.tanh(sum);
  });
}

/** Windows of 64 tokens and a function that the network can be. */
function examplesOf(count: number): Example[] {
  return Array.from({ length: count }, (_, seed) => {
    const x = gaussians(64 * 20, seed + 10);
    const target = (_: unknown, t: number) => Math.tanh(x[t * 20] - 0.3 * Math.abs(x[t * 20 + 1]));
    return { x, targets: Float32Array.from({ length: 64 }, target) };
  });
}

const loss = (scores: readonly number[], targets: ArrayLike<number>) =>
  scores.reduce((sum, score, row) => sum + (score - targets[row]) ** 2, 0) / scores.length;

describe("PredictorNetwork", () => {
  let machine: Machine;
  beforeAll(async () => {
    machine = await createMachine();
  });
  afterAll(() => machine[Symbol.asyncDispose]());
  const shape = { width: 20, hidden: 32, rows: 50 };
  const x = gaussians(37 * 20, 1);
  const targets = gaussians(37, 2).map((value) => value / 4);

  it("begins uniform in +-1 / sqrt(inputs), and computes what it says", async () => {
    using network = new PredictorNetwork(machine, shape, createRandom(1));
    for (const [values, inputs] of [
      [network.weights.first, 20],
      [network.weights.second, 32],
    ] as const) {
      const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      expect(most).toBeLessThanOrEqual(1 / Math.sqrt(inputs));
      expect(most).toBeGreaterThan(0.9 / Math.sqrt(inputs));
      expect(Math.abs(values.reduce((a, b) => a + b, 0) / values.length)).toBeLessThan(0.3 / Math.sqrt(inputs));
    }
    const found = await network.predict(x, new Turns());
    naive(network, x).forEach((score, row) => {
      expect(found[row]).toBeCloseTo(score, 6);
    });
  });

  it("has the gradients that finite differences of its loss have", async () => {
    using network = new PredictorNetwork(machine, shape, createRandom(2));
    const found = await network.backward(x, targets, new Turns());
    const { first, second } = network.readGradients();
    expect(found).toBeCloseTo(loss(naive(network, x), targets), 6);
    for (const [parameters, gradient] of [
      [network.weights.first, first],
      [network.weights.second, second],
    ] as const) {
      const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      for (let at = 0; at < parameters.length; at += 13) {
        const kept = parameters[at];
        const [above, below] = [2e-4, -2e-4].map((step) => {
          parameters[at] = kept + step;
          return { at: parameters[at], loss: loss(naive(network, x), targets) };
        });
        parameters[at] = kept;
        const slope = (above.loss - below.loss) / (above.at - below.at);
        expect(Math.abs(gradient[at] - slope)).toBeLessThan(2e-3 * largest);
      }
    }
  });

  it("refuses a width of hidden units that fills no panel", () => {
    expect(() => new PredictorNetwork(machine, { ...shape, hidden: 40 }, createRandom(0))).toThrow("multiple of 16");
  });

  it("learns a function it can be, and keeps the weights that did best", async () => {
    const random = createRandom(3);
    using network = new PredictorNetwork(machine, { width: 20, hidden: 64, rows: 64 }, random);
    const examples = examplesOf(24);
    const held = examples.splice(0, 4);
    const first = loss((await network.predict(held[0].x, new Turns())) as unknown as number[], held[0].targets);
    const result = await train(network, { examples, held }, { learningRate: 1e-2, epochs: 60 }, random, new Turns());
    expect(result.validationError).toBeLessThan(first / 20);
    const kept = await Promise.all(held.map(async (each) => loss(naive(network, each.x), each.targets)));
    expect(kept.reduce((a, b) => a + b) / 4).toBeCloseTo(result.validationError, 6);
    expect(result.epochs).toBeLessThanOrEqual(60);
  });

  it("counts no small improvement as one, but keeps what it brought", async () => {
    const [examples, held] = [examplesOf(4), examplesOf(6).slice(4)];
    const learn = async (options: TrainingOptions) => {
      const random = createRandom(3);
      using network = new PredictorNetwork(machine, { width: 20, hidden: 32, rows: 64 }, random);
      const found = await train(network, { examples, held }, { learningRate: 1e-3, ...options }, random, new Turns());
      return { ...found, first: network.weights.first.slice() };
    };
    const whole = await learn({ epochs: 6, minImprovement: 0 });
    expect(whole.epochs).toBe(6);
    expect(await learn({ minImprovement: 0.9 })).toEqual(whole); // the first epoch counts, then five do not
    expect((await learn({ epochs: 1 })).validationError).toBeGreaterThan(whole.validationError);
  });
});

describe("AdamW", () => {
  it("steps by its formula, on every array and without their bias", async () => {
    await using machine = await createMachine();
    const { arena } = machine;
    const size = 3 * 2 * 16;
    using memory = arena.region();
    const f32 = (values: Float32Array) => memory.place(values);
    const starts = [gaussians(size, 1), gaussians(size, 2)];
    const gradients = [gaussians(size, 3), gaussians(size, 4)];
    const parameters = starts.map((start, at) => ({
      ...{ ptr: f32(start), gradient: f32(gradients[at]) },
      ...(at === 0 ? { panels: 6, rows: 1 } : { panels: 1, rows: 6 }),
    }));
    const settings = { learningRate: 0.1, weightDecay: 0.01 };
    using optimizer = new AdamW(machine, parameters, settings);
    for (let step = 0; step < 2; step++) await optimizer.step(new Turns());
    parameters.forEach(({ ptr }, at) => {
      const expected = adamw(starts[at], [gradients[at], gradients[at]], settings);
      expect(worstError(arena.f32(ptr, size), expected, 1)).toBeLessThan(1e-6);
    });
  });
});

describe("trainPredictor", () => {
  let model: Model;
  let windows: readonly (readonly number[])[];
  let prediction: Prediction;
  const options = { hidden: 64, learningRate: 1e-3, epochs: 6, seed: 4, module: true };
  beforeAll(async () => {
    model = await openModel("models/fable-mixtral");
    windows = await selfSample(model, { samples: 16, length: 64, seed: 1 });
    prediction = await trainPredictor(model, windows, options);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("predicts cosines near the direct ones, and finds the same most important block", async () => {
    const { blocks } = await calibrate(model, windows);
    const lowest = (values: readonly number[]) => values.indexOf(Math.min(...values));
    const predicted = prediction.blocks.map((block) => block.predicted);
    expect(lowest(predicted)).toBe(lowest(blocks.map((block) => block.cosine)));
    prediction.blocks.forEach(({ layer, predicted, predictedModule, module, validationError, epochs }, place) => {
      expect(layer).toBe(place);
      expect(Math.abs(predicted - blocks[place].cosine)).toBeLessThan(0.2);
      expect(Math.abs(predictedModule! - blocks[place].cosineModule)).toBeLessThan(0.1);
      for (const error of [validationError, module!.validationError]) expect(error).toBeLessThan(0.05);
      expect(epochs).toBeLessThanOrEqual(6);
    });
  });

  it("gives the same bits again, and scores other windows with the same networks", async () => {
    const score = windows.slice(0, 2);
    const again = await trainPredictor(model, windows, options);
    expect(again).toEqual(prediction);
    const other = await trainPredictor(model, windows, { ...options, module: false, score });
    expect(other.blocks.map(({ validationError }) => validationError)).toEqual(
      prediction.blocks.map(({ validationError }) => validationError),
    );
    expect(other.blocks[0].predicted).not.toBe(prediction.blocks[0].predicted);
    expect(other.blocks[0].predictedModule).toBeUndefined();
  });

  it("gives the same bits on two threads", async () => {
    await using two = await openModel("models/fable-mixtral", { kernels: "base", threads: 2 });
    const few = { ...options, module: false, epochs: 1 };
    expect(await trainPredictor(two, windows, few)).toEqual(await trainPredictor(model, windows, few));
  });

  it("tells its progress and stops when asked", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = trainPredictor(model, windows, {
      ...options,
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        seen.push(done);
        expect(total).toBe(6);
        controller.abort(new Error("enough"));
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(seen).toEqual([1]);
  });

  it.each([
    [1, {}, "predictor: windows: found 1, expected at least two"],
    [2, { validation: 1 }, "predictor: validation: found 1"],
    [2, { learningRate: 0 }, "predictor: learning rate: found 0"],
    [2, { weightDecay: -1 }, "predictor: weight decay: found -1"],
    [2, { epochs: 0 }, "predictor: epochs: found 0"],
    [2, { patience: 1.5 }, "predictor: patience: found 1.5"],
    [2, { minImprovement: 1 }, "predictor: least improvement: found 1"],
    [2, { hidden: 20 }, "predictor: hidden: found 20"],
  ])("refuses %i windows with %j", async (count, wrong, sentence) => {
    await expect(trainPredictor(model, windows.slice(0, count), wrong)).rejects.toThrow(sentence);
  });
});
