import { afterEach, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { plannedBytes } from "../../../src/compress/plan/plan-bytes.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, quantizableLinears } from "../../../src/compress/recipe/settings.ts";
import { writeSmoothed } from "../../../src/compress/smooth/write-smoothed.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { tensorOf } from "../../../src/format/safetensors-writer.ts";
import { inspectModel } from "../../../src/model/inspect.ts";
import { Model, type ModelFiles, readModelFiles } from "../../../src/model/model.ts";
import { computeLogits } from "../../../src/runtime/logits.ts";
import type { Projection } from "../../../src/tensor/linear-shape.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { folderWith, madeFiles } from "../../helpers/made-model.ts";
import { gaussians } from "../../helpers/random.ts";
import { attentionOf } from "../cases.ts";

const DEEPSEEK = "test/fixtures/families/deepseek-f16";
const IDS = [5, 80, 3, 200, 11, 42, 7];
const [WIDTH, VOCAB] = [64, 320];
const turns = new Turns();
const opened: Model[] = [];
afterEach(async () => {
  for (const model of opened.splice(0)) await model[Symbol.asyncDispose]();
});

async function withBiases(biases: Readonly<Record<string, Float32Array>>, biased: readonly Projection[]) {
  const tensors = Object.entries(biases).map(([name, values]) =>
    tensorOf(`${name}.bias`, "F32", [values.length], values),
  );
  return madeFiles(await folderWith(DEEPSEEK, tensors), { config: { biased } });
}

async function open(files: ModelFiles): Promise<Model> {
  const model = await Model.open(files, await createMachine(), { activations: "f32" });
  opened.push(model);
  return model;
}

/** The residual stream [tokens, WIDTH] behind each block. */
async function hiddenOf(model: Model, ids: readonly number[]): Promise<readonly Float32Array[]> {
  using session = model.session({ context: 16, batch: 16 });
  const streams: Float32Array[] = [];
  await session.evaluateTapped(ids, turns, {
    onHidden: ({ input }) => {
      streams.push(model.machine.arena.f32(input.ptr, input.rows * input.ld).slice());
    },
  });
  return streams;
}

describe("biases", () => {
  const layer = "model.layers.0";

  it("of zeros change no bit, wherever linears read every token", async () => {
    const plain = (await computeLogits(await open(await withBiases({}, [])), IDS)).data;
    const zeros = ["q", "k", "v", "o"].map((name) => [`${layer}.self_attn.${name}_proj`, new Float32Array(64)]);
    const files = await withBiases(Object.fromEntries(zeros), ["q", "k", "v", "o"]);
    expect((await computeLogits(await open(files), IDS)).data).toEqual(plain);
  });

  it("of the head are added to the logits", async () => {
    const bias = gaussians(VOCAB, 3);
    const plain = (await computeLogits(await open(await withBiases({}, [])), IDS)).data;
    const found = (await computeLogits(await open(await withBiases({ lm_head: bias }, ["head"])), IDS)).data;
    expect(found).toEqual(plain.map((logit, at) => Math.fround(logit + bias[at % VOCAB])));
  });

  it("of attention's values and output, and of a dense MLP, reach the residual stream", async () => {
    const [plain] = await hiddenOf(await open(await withBiases({}, [])), IDS);
    const bias = gaussians(WIDTH, 4);
    const [dense] = await hiddenOf(await open(await withBiases({ [`${layer}.mlp.down_proj`]: bias }, ["down"])), IDS);
    for (let at = 0; at < plain.length; at++) expect(dense[at]).toBeCloseTo(plain[at] + bias[at % WIDTH], 4);
    for (const projection of ["q", "k", "v", "o", "gate", "up"] as const) {
      const name = projection.length === 1 ? `self_attn.${projection}_proj` : `mlp.${projection}_proj`;
      const rows = projection.length === 1 ? 64 : 160;
      const files = await withBiases({ [`${layer}.${name}`]: gaussians(rows, 5) }, [projection]);
      const [changed] = await hiddenOf(await open(files), IDS);
      expect(changed.every(Number.isFinite)).toBe(true);
      expect(
        changed.some((value, at) => Math.abs(value - plain[at]) > 1e-4),
        projection,
      ).toBe(true);
    }
  });

  it("of routed experts reach the tokens that were sent to them, by their routing weights", async () => {
    const name = "model.layers.1.mlp.experts.EXPERT.down_proj";
    const bias = gaussians(WIDTH, 6);
    const all = Object.fromEntries(
      Array.from({ length: 12 }, (_, expert) => [name.replace("EXPERT", String(expert)), bias]),
    );
    const [, plain] = await hiddenOf(await open(await withBiases({}, [])), IDS);
    const model = await open(await withBiases(all, ["down"]));
    using session = model.session({ context: 16, batch: 16, keepRoutes: true });
    let found = new Float32Array();
    await session.evaluateTapped(IDS, turns, {
      onHidden: ({ layer, input }) => {
        if (layer === 1) found = model.machine.arena.f32(input.ptr, input.rows * input.ld).slice();
      },
    });
    const { topK } = model.config;
    const weights = model.machine.arena.f32(session.state.routes[1].weights, IDS.length * topK);
    for (let at = 0; at < plain.length; at++) {
      const token = Math.floor(at / WIDTH);
      const sum = weights.slice(token * topK, (token + 1) * topK).reduce((total, weight) => total + weight, 0);
      expect(found[at]).toBeCloseTo(plain[at] + sum * bias[at % WIDTH], 4);
    }
    const one = { [name.replace("EXPERT", "3")]: bias };
    const [, some] = await hiddenOf(await open(await withBiases(one, ["down"])), IDS);
    const changed = IDS.map((_, token) => {
      const row = some.subarray(token * WIDTH, (token + 1) * WIDTH);
      return row.some((value, col) => value !== plain[token * WIDTH + col]);
    });
    const chosen = model.machine.arena.i32(session.state.routes[1].experts, IDS.length * topK);
    expect(changed).toEqual(IDS.map((_, token) => chosen.slice(token * topK, (token + 1) * topK).includes(3)));
  });

  it("are counted, written and read again beside quantised weights, and divided with their rows", async () => {
    const bias = gaussians(64, 7);
    const name = `${layer}.self_attn.v_proj`;
    const files = await withBiases({ [name]: bias }, ["v"]);
    const [plain, made] = [inspectModel(await withBiases({}, [])), inspectModel(files)].map(
      (facts) => facts.modules.find((module) => module.name === name)!.bytes,
    );
    expect(made - plain).toBe(4 * 64);
    const model = await open(files);
    const fitting = quantizableLinears(files).filter(({ cols }) => cols % 32 === 0);
    const modules = new Map(fitting.map((linear) => [linear.name, { bits: 8, groupSize: 32 } as const]));
    const settings = { ...DEFAULT_GRID, method: "rtn" as const, modules };
    const output = memoryOutput("out");
    const { trueBytes } = await writeQuantized(files, await quantizeModel(model, settings), { settings, output });
    expect(trueBytes).toBe(plannedBytes(files, settings));
    const reread = await madeFiles(filesFolder("out", Object.fromEntries(output.files)), { config: { biased: ["v"] } });
    const { stored } = reread.linears.find((linear) => linear.name === name)!;
    expect(stored.kind).toBe("packed");
    expect(await stored.bias!.read()).toEqual(bias);
    const again = await open(reread);
    expect(again.machine.arena.f32(attentionOf(again.weights.layers[0]).v.bias, 64)).toEqual(bias);
    const smoothed = memoryOutput("smoothed");
    const rows = new Map([[name, Float32Array.from({ length: 64 }, () => 0.5)]]);
    await writeSmoothed(files, { sites: [], rows, columns: new Map(), norms: new Map() }, smoothed);
    const folder = filesFolder("smoothed", Object.fromEntries(smoothed.files));
    const halved = await madeFiles(folder, { config: { biased: ["v"] } });
    const half = halved.linears.find((linear) => linear.name === name)!;
    expect(await half.stored.bias!.read()).toEqual(bias.map((value) => value / 2));
  });
});

describe("loadWeights", () => {
  it("tells the bytes that are laid down, all of them at the end", async () => {
    const files = await readModelFiles(await folderWith(DEEPSEEK, []));
    const told: (readonly [number, number])[] = [];
    const model = await Model.open(files, await createMachine(), {
      onProgress: ({ done, total }) => void told.push([done, total]),
    });
    opened.push(model);
    expect(told).toHaveLength(files.linears.length);
    const total = files.linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
    expect(told.at(-1)).toEqual([total, total]);
    expect(model.weights.store.bytes).toBe(total);
    expect(model.weights.store.linears.every((linear) => linear.matrix.ptr > 0)).toBe(true);
  });

  it("puts the gate of the shared experts into the tree, and passes compute it", async () => {
    const gate = "model.layers.{layer}.mlp.shared_expert_gate";
    const tensors = [1, 2].map((layer) =>
      tensorOf(`${gate.replace("{layer}", String(layer))}.weight`, "F32", [1, WIDTH], gaussians(WIDTH, layer)),
    );
    const changes = { config: { sharedGate: true }, names: { sharedGate: gate } };
    const model = await open(await madeFiles(await folderWith(DEEPSEEK, tensors), changes));
    expect(model.weights.layers.map(({ sharedGate }) => sharedGate?.rows)).toEqual([undefined, 1, 1]);
    const plain = await open(await readModelFiles(await folderWith(DEEPSEEK, [])));
    const [gated, whole] = [await computeLogits(model, IDS), await computeLogits(plain, IDS)];
    expect(gated.data.every(Number.isFinite)).toBe(true);
    expect(gated.data).not.toEqual(whole.data);
  });
});
