/** Study activations against a naive recomputation of one linear, and what they promise: the same bits however they run. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { staticScales } from "../../../src/compress/smooth/static-scales.ts";
import { saveReference } from "../../../src/eval/compare/save-reference.ts";
import type { Model } from "../../../src/model/model.ts";
import { createPass, recordBlock, recordEmbedding } from "../../../src/model/pass/forward.ts";
import { rowsOf } from "../../../src/model/pass/state/pass-state.ts";
import { linearNamed, readWeights } from "../../../src/model/weights/locate.ts";
import { activationsName, readRows, type StudyActivations } from "../../../src/nn/emit.ts";
import { dequantize } from "../../../src/quant/quantization-error.ts";
import { HAS_RELAXED } from "../../helpers/kernels.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { roundBack } from "../../reference/matmul/activations.ts";
import { matmul } from "../../reference/matmul/matmul.ts";
import { allLogits, attentionOf, firstDifference, largestDifference, openModel, rms } from "../cases.ts";

const IDS = [0, 430, 410, 258, 389, 12, 500, 100, 77, 300, 4, 5];
const MODES: readonly StudyActivations[] = [4, 8].flatMap((bits) =>
  [32, "token"].map((group) => ({ mode: "study", bits, group }) as StudyActivations),
);
const MODELS = ["models/fable-mixtral", "models/fable-deepseek", "test/fixtures/gptq-checkpoints/mixtral-b4-g64"];

/** Input and output rows of the first block's o, as the forward pass has them. */
async function outputLinear(model: Model): Promise<{ x: Float32Array; y: Float32Array }> {
  const { machine, config } = model;
  using session = model.session({ context: IDS.length, batch: IDS.length, logits: "none" });
  await session.evaluate(IDS, new Turns()); // leaves the ids and their places in the state
  const pass = createPass(model, session.state, IDS.length, IDS.length);
  recordEmbedding(pass);
  let x = new Float32Array();
  for (const { site, input } of recordBlock(pass, 0)) {
    pass.emit.tape.run();
    pass.emit.tape.clear();
    if (site === "output") x = readRows(machine, input);
    else if (site === "mlp") break;
  }
  return { x, y: readRows(machine, rowsOf(session.state.branch, IDS.length, config.hiddenSize)) };
}

/** W of a linear [rows, cols], dequantised. */
async function weightsOf({ files }: Model, name: string): Promise<Float64Array> {
  const linear = linearNamed(files, name);
  if (linear.stored.kind !== "packed") return Float64Array.from(await readWeights(linear));
  return Float64Array.from(dequantize(await linear.stored.read()));
}

describe.each(MODELS)("study activations of %s", (path) => {
  let model: Model;
  let weights: Float64Array;
  beforeAll(async () => {
    model = await openModel(repositoryFile(path));
    weights = await weightsOf(model, attentionOf(model.weights.layers[0]).o.name);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  /** The largest error of o's rows beside what rounding its input as said and multiplying would give. */
  async function errorOf(activations: StudyActivations, scales?: Float32Array, perm?: Int32Array): Promise<number> {
    const { rows, cols } = attentionOf(model.weights.layers[0]).o;
    const { x, y } = await outputLinear(model.withActivations(activations));
    const group = activations.group === "token" ? cols : activations.group;
    const rounded = Float32Array.from(
      IDS.flatMap((_, t) => {
        const row = roundBack(x.subarray(t * cols, (t + 1) * cols), group, 2 ** (activations.bits - 1) - 1, scales);
        return [...(perm === undefined ? row : row.map((_, col) => row[perm[col]]))];
      }),
    );
    expect(largestDifference(rounded, x) > 1e-3 * rms(x)).toBe(true);
    return largestDifference(y, matmul(rounded, weights, IDS.length, rows, cols)) / rms(y);
  }

  it.each(MODES)("round a linear's input, %j", async (activations) => {
    expect(await errorOf(activations)).toBeLessThan(1e-5);
  });

  it("take scales found beforehand", async () => {
    const { name, cols } = attentionOf(model.weights.layers[0]).o;
    using given = await staticScales(model, [IDS.slice(0, 6)], { activations: { bits: 4, group: 32 } });
    const { scales } = given.activations;
    const list = model.machine.arena.f32(scales!.get(name)!, cols / 32).slice();
    expect(await errorOf(given.activations, list)).toBeLessThan(1e-5);
    const x = (await outputLinear(model.withActivations({ mode: "f32", group: 32 }))).x.subarray(0, 6 * cols);
    const amax = list.map((_, g) => x.reduce((m, v, at) => ((at % cols) >> 5 === g ? Math.max(m, Math.abs(v)) : m), 0));
    expect(
      largestDifference(
        list,
        amax.map((most) => most / 7),
      ),
    ).toBeLessThan(1e-6);
  });

  it("round columns in the layer's own order where stored ones are permuted", async () => {
    const { o } = attentionOf(model.weights.layers[0]);
    const { matrix } = o;
    if (matrix.kind !== "packed") return;
    using memory = model.machine.arena.region();
    const perm = Int32Array.from({ length: matrix.cols }, (_, col) => (5 * col + 3) % matrix.cols);
    o.matrix = { ...matrix, permPtr: memory.place(perm) };
    try {
      expect(await errorOf({ mode: "study", bits: 4, group: 32 }, undefined, perm)).toBeLessThan(1e-5);
    } finally {
      o.matrix = matrix;
    }
  });

  it("give the same bits for every batch, thread count and build", async () => {
    const activations = { mode: "study", bits: 4, group: "token" } as const;
    const whole = await allLogits(model.withActivations(activations), IDS);
    for (const batch of [1, 5])
      expect(firstDifference(await allLogits(model.withActivations(activations), IDS, { batch }), whole)).toBe(-1);
    await using other = await openModel(repositoryFile(path), {
      kernels: HAS_RELAXED ? "relaxed" : "base",
      threads: 2,
    });
    expect(firstDifference(await allLogits(other.withActivations(activations), IDS), whole)).toBe(-1);
  });

  it("lose less with more bits and smaller groups", async () => {
    const exact = await allLogits(model.withActivations({ mode: "f32", group: 32 }), IDS);
    const errors: number[] = [];
    for (const activations of MODES) {
      const found = await allLogits(model.withActivations(activations), IDS);
      errors.push(rms(found.map((value, at) => value - exact[at])));
    }
    const [fine4, token4, fine8, token8] = errors;
    expect(fine4).toBeLessThan(token4);
    expect(fine8).toBeLessThan(token8);
    expect(token8).toBeLessThan(fine4 / 2);
  });
});

describe("Model.withActivations", () => {
  it("refuses what there is not", async () => {
    await using model = await openModel(repositoryFile("models/fable-mixtral"));
    const wish = (activations: object) => () => model.withActivations(activations as StudyActivations);
    expect(wish({ mode: "study", bits: 3, group: 32 })).toThrow("study activations: bits: found 3, expected 4 or 8");
    expect(wish({ mode: "study", bits: 4, group: 16 })).toThrow("group: found 16, expected 32, 64, 128 or token");
    expect(wish({ mode: "int4", group: 32 })).toThrow("activations: found int4, expected f32, int16, int8 or study");
    expect(wish({ mode: "f32", group: 128 })).toThrow("activation group: found 128, expected 32, 64 or weight");
    const study = model.withActivations({ mode: "study", bits: 4, group: 64, scales: new Map() });
    await expect(allLogits(study, IDS)).rejects.toThrow("found no scales, expected scales of this model");
    const output = { [Symbol.asyncDispose]: async () => {} } as never;
    expect(activationsName(study.activations)).toBe("study int4/64/static");
    await expect(saveReference(study, [IDS], { output })).rejects.toThrow("found study int4/64/static");
  });

  it("gives a view whose end frees nothing", async () => {
    await using model = await openModel(repositoryFile("models/fable-mixtral"));
    const before = await allLogits(model, IDS);
    {
      await using study = model.withActivations({ mode: "study", bits: 8, group: 128 });
      expect(firstDifference(await allLogits(study, IDS), before)).not.toBe(-1);
    }
    expect(firstDifference(await allLogits(model, IDS), before)).toBe(-1);
  });
});
