/** Which buffers of a pass over all tokens lie in the same memory. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LanguageModel, loadModel } from "../../../../src/index.ts";
import { createState, stateBytes } from "../../../../src/model/pass/state/pass-state.ts";
import { preparedTokenBytes, tokenBuffers } from "../../../../src/model/pass/state/token-buffers.ts";
import { project } from "../../../../src/nn/linear.ts";
import { stride } from "../../../../src/tensor/matrix.ts";
import { repositoryFile } from "../../../helpers/shared.ts";

let model: LanguageModel;
beforeAll(async () => {
  model = await loadModel(repositoryFile("models/fable-deepseek"), { activations: "f32" });
});
afterAll(() => model[Symbol.asyncDispose]());

const CAPACITY = 24;
const SIZES = { capacity: CAPACITY, cacheRows: CAPACITY, logitRows: 0, positions: CAPACITY, exact: true };

describe("buffers of an MLP", () => {
  it("lie apart where passes have few tokens", () => {
    using state = createState(model, SIZES);
    const { up } = tokenBuffers(model.config);
    expect(state.down - state.up).toBeGreaterThanOrEqual(4 * CAPACITY * up);
    expect(state.sharedUp).toBe(state.up);
  });

  it("share memory in one pass over all tokens, except those of the shared experts and of what they are added to", () => {
    using state = createState(model, { ...SIZES, oneCache: true });
    const { gate, up, down } = tokenBuffers(model.config);
    expect(state.up).toBe(state.down);
    const ends = [
      [state.gate, gate],
      [state.sharedUp, stride(model.config.sharedWidth)],
      [state.down, Math.max(up, down)],
    ].map(([start, count]) => [start, start + 4 * CAPACITY * count]);
    for (const [at, [start, end]] of ends.entries())
      for (const [other, otherEnd] of ends.slice(at + 1)) expect(end <= other || otherEnd <= start).toBe(true);
  });
});

describe("room to gather columns", () => {
  it("is left out for a state whose matrices keep their order, and a matrix with an order of its own is refused there", () => {
    const all = { ...SIZES, oneCache: true };
    const saved = stateBytes(model.config, all) - stateBytes(model.config, { ...all, gathers: false });
    const { rounded } = preparedTokenBytes(model.config);
    expect(Math.abs(saved - CAPACITY * rounded)).toBeLessThan(128);
    using state = createState(model, { ...all, gathers: false });
    const { machine, config } = model;
    const { pool, prepared } = state;
    const emit = { machine, tape: machine.tape(), pool, activations: { mode: "f32", group: 32 }, prepared } as const;
    const input = { ptr: state.normed, ld: stride(config.hiddenSize), rows: 1, cols: config.hiddenSize };
    const matrix = {
      kind: "packed",
      bits: 4,
      groupSize: 32,
      zero: 8,
      ptr: state.hidden,
      rows: 16,
      cols: input.cols,
    } as const;
    const ordered = { span: state.span, out: state.branch, matrix: { ...matrix, permPtr: state.ids } };
    expect(() => project(emit, { input, index: 0, targets: [ordered], rows: 1 })).toThrow("no room to gather them");
  });
});
