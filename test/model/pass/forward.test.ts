/** Float models against float64 answers made outside the project (test/fixtures/families/README.md states the tolerances). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import type { Model } from "../../../src/model/model.ts";
import {
  allLogits,
  argmax,
  type Expected,
  FLOAT_CASES,
  greedy,
  hiddenStates,
  largestDifference,
  meanNll,
  openModel,
  readExpected,
  rms,
} from "../cases.ts";

describe.each(FLOAT_CASES)("forward pass of $name", ({ path }) => {
  if (path === undefined) {
    it.skip("needs the larger fixtures: set QUERN_SHARED");
    return;
  }
  let model: Model;
  let expected: Expected;
  let logits: Float32Array;
  beforeAll(async () => {
    expected = readExpected(path);
    model = await openModel(path);
    logits = await allLogits(model, expected.ids);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("computes the logits of every position", () => {
    expect(largestDifference(logits, expected.logits)).toBeLessThanOrEqual(2e-4);
    const vocab = model.config.vocabSize;
    const best = (all: Float32Array) =>
      Array.from(expected.ids, (_, token) => argmax(all.subarray(token * vocab, (token + 1) * vocab)));
    expect(best(logits)).toEqual(best(expected.logits));
  });

  it("states the same likelihood of the text", () => {
    const wanted = expected.meanNll ?? meanNll(expected.logits, expected.ids);
    expect(Math.abs(meanNll(logits, expected.ids) - wanted)).toBeLessThanOrEqual(1e-5);
  });

  it("carries the residual stream through every layer", async () => {
    const differences = (await hiddenStates(model, expected.ids)).map((hidden, layer) => {
      const wanted = expected.hidden(layer);
      return largestDifference(hidden, wanted) / rms(wanted);
    });
    expect(differences).toHaveLength(model.config.layers);
    expect(Math.max(...differences)).toBeLessThanOrEqual(1e-4);
  });

  it("chooses the same experts with the same weights", async () => {
    const tokens = expected.ids.length;
    using session = model.session({ context: tokens, batch: tokens, keepRoutes: true });
    await session.evaluate(expected.ids, new Turns());
    const count = tokens * model.config.topK;
    const { arena } = model.machine;
    const layers = model.config.moeLayers.flatMap((moe, layer) => (moe ? [layer] : []));
    expect(layers.length > 0).toBe(model.config.experts > 0);
    for (const layer of layers) {
      const routes = session.state.routes[layer];
      expect(Array.from(arena.i32(routes.experts, count))).toEqual(Array.from(expected.experts(layer)));
      expect(largestDifference(arena.f32(routes.weights, count), expected.weights(layer))).toBeLessThanOrEqual(2e-5);
    }
  });

  it("continues with the same ids, token by token", async () => {
    expect(expected.greedy).toHaveLength(24);
    expect(await greedy(model, expected.ids, 24)).toEqual(expected.greedy);
  });
});
