/** Head and embedding quantised: against a naive Hessian of the head's inputs, through files, plans and resumed runs. */
import { describe, expect, it } from "vitest";
import { parseJson } from "../../../src/base/json.ts";
import { plannedBytes } from "../../../src/compress/plan/plan-bytes.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import { type OuterBits, outerSettings, withOuter } from "../../../src/compress/recipe/outer-bits.ts";
import { DEFAULT_GRID, type QuantizeSettings } from "../../../src/compress/recipe/settings.ts";
import { openCheckpoint } from "../../../src/compress/resume/block-checkpoint.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { readWeights } from "../../../src/model/weights/locate.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { dequantise } from "../../format/gptq/gptq-checkpoints.ts";
import { packedFolders } from "../../helpers/packed-folder.ts";
import { matricesOf } from "../../helpers/quantized.ts";
import { allLogits, hiddenStates } from "../../model/cases.ts";

const FIXTURE = "test/fixtures/families/deepseek-f16";
const IDS = Array.from({ length: 96 }, (_, i) => (i * 37 + (i % 7) * 11) % 320);
const WIDTH = 64;

/** The fixture, or the same model with a head that is tied to the embedding. */
async function folder(tied: boolean): Promise<FolderSource> {
  const change = tied ? { without: ["lm_head.weight"], config: { tie_word_embeddings: true } } : {};
  return (await packedFolders(FIXTURE, { packings: {}, ...change })).float;
}

async function open(source: FolderSource): Promise<Model> {
  return Model.open(await readModelFiles(source), await createMachine(), { activations: "f32" });
}

function settingsOf(model: Model, wish: OuterBits, change: Partial<QuantizeSettings> = {}): QuantizeSettings {
  const blocks = new Map([["model.layers.1.self_attn.q_proj", { bits: 4, groupSize: 32 } as const]]);
  const modules = withOuter(shapesOfFiles(model.files), blocks, outerSettings(wish, 32));
  return { ...DEFAULT_GRID, ...change, modules };
}

async function written(model: Model, settings: QuantizeSettings) {
  const quantized = await quantizeModel(model, settings, { windows: [IDS] });
  const output = memoryOutput();
  const sizes = await writeQuantized(model.files, quantized, { settings, output });
  const json = (file: string) => JSON.parse(new TextDecoder().decode(output.files.get(file)));
  return { quantized, sizes, folder: filesFolder("out", Object.fromEntries(output.files)), json };
}

/** The final norm of the last block's output, in f64. */
async function headInputs(model: Model): Promise<readonly Float64Array[]> {
  const hidden = (await hiddenStates(model, IDS)).at(-1) as Float32Array;
  const norm = model.machine.arena.f32(model.weights.normFinal, WIDTH);
  return IDS.map((_, token) => {
    const row = Float64Array.from(hidden.subarray(token * WIDTH, (token + 1) * WIDTH));
    const mean = row.reduce((sum, value) => sum + value * value, 0) / WIDTH;
    return row.map((value, col) => (value / Math.sqrt(mean + model.config.rmsNormEps)) * norm[col]);
  });
}

/** 0.5 tr(D (H + lambda I) D^T) with H = 2/T X^T X and lambda = damp * mean diagonal. */
function naiveLoss(inputs: readonly Float64Array[], difference: Float64Array, damp: number): number {
  const rows = difference.length / WIDTH;
  const diagonal = Array.from({ length: WIDTH }, (_, col) => inputs.reduce((sum, x) => sum + x[col] ** 2, 0));
  const lambda = (damp * diagonal.reduce((sum, value) => sum + (2 * value) / inputs.length, 0)) / WIDTH;
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const d = difference.subarray(row * WIDTH, (row + 1) * WIDTH);
    for (const x of inputs) loss += (2 / inputs.length) * x.reduce((sum, value, col) => sum + value * d[col], 0) ** 2;
    loss += lambda * d.reduce((sum, value) => sum + value * value, 0);
  }
  return loss / 2;
}

describe("a head quantised by GPTQ", () => {
  it("has the loss of its codes on the final norm's outputs, below that of rounding", async () => {
    await using model = await open(await folder(false));
    const modules = new Map([["lm_head", { bits: 4, groupSize: 32 } as const]]);
    const settings = { ...DEFAULT_GRID, modules };
    const quantized = await quantizeModel(model, settings, { windows: [IDS], rtnLoss: true });
    const [report] = quantized.modules;
    expect(quantized.modules).toHaveLength(1);
    expect(report).toMatchObject({ name: "lm_head", bits: 4, groupSize: 32, method: "gptq", tokens: IDS.length });
    const matrix = (await matricesOf(quantized)).get("lm_head")!;
    const weights = await readWeights(model.files.linears.find(({ role }) => role === "head")!);
    const difference = Float64Array.from(dequantise(matrix), (value, at) => value - weights[at]);
    const loss = naiveLoss(await headInputs(model), difference, report.damp as number);
    expect(report.loss! / loss).toBeCloseTo(1, 4);
    expect(report.loss!).toBeLessThan(report.rtnLoss!);
  });

  it("is written as GPTQModel names it, and gives the logits of its values", async () => {
    await using model = await open(await folder(false));
    const settings = settingsOf(model, { head: 4 });
    const { quantized, sizes, folder: made, json } = await written(model, settings);
    expect(json("quantize_config.json")).toMatchObject({
      lm_head: true,
      dynamic: { lm_head: { bits: 4, group_size: 32 } },
    });
    expect(json("config.json")["tie_word_embeddings"]).toBe(false);
    expect(sizes.trueBytes).toBe(plannedBytes(model.files, settings));
    expect(sizes.averageBits).toBeGreaterThan(15);
    await using again = await open(made);
    const matrix = (await matricesOf(quantized)).get("lm_head")!;
    const hidden = await headInputs(again);
    const values = dequantise(matrix);
    const logits = await allLogits(again, IDS);
    for (let at = 0; at < logits.length; at += 97) {
      const [token, word] = [Math.floor(at / 320), at % 320];
      const expected = hidden[token].reduce((sum, x, col) => sum + x * values[word * WIDTH + col], 0);
      expect(logits[at]).toBeCloseTo(expected, 4);
    }
  });
});

describe("a tied head", () => {
  const cases: readonly (readonly [OuterBits, Readonly<Record<string, number | undefined>>])[] = [
    [{}, { embedding: 16 }],
    [{ head: 16 }, { embedding: 16 }],
    [{ head: 4 }, { embedding: 16, head: 4 }],
    [{ head: 8 }, { embedding: 16, head: 8 }],
    [{ embedding: 8 }, { embedding: 8 }],
    [{ head: 8, embedding: 8 }, { embedding: 8 }],
    [
      { head: 4, embedding: 8 },
      { embedding: 8, head: 4 },
    ],
    [
      { head: 16, embedding: 8 },
      { embedding: 8, head: 16 },
    ],
  ];
  it.each(cases)("with %j is stored as %j", async (wish, expected) => {
    await using model = await open(await folder(true));
    const settings = settingsOf(model, wish);
    const { folder: made, sizes, quantized } = await written(model, settings);
    const files = await readModelFiles(made);
    const outer = files.linears.filter(({ layer }) => layer === -1);
    const bits = outer.map(({ role, stored }) => [role, stored.kind === "packed" ? stored.bits : 16]);
    expect(Object.fromEntries(bits)).toEqual(expected);
    expect(files.config.tiedEmbeddings).toBe(expected["head"] === undefined);
    expect(sizes.trueBytes).toBe(plannedBytes(model.files, settings));
    const shared = quantized.modules.find(({ note }) => note === "one matrix serves as embedding and head");
    expect(shared?.name).toBe(
      expected["embedding"] === 8 && expected["head"] === undefined ? "model.embed_tokens" : undefined,
    );
    await using again = await open(made);
    expect((await allLogits(again, IDS)).every(Number.isFinite)).toBe(true);
  });

  it("leaves the codes of blocks as they are without", async () => {
    await using model = await open(await folder(true));
    const codes = async (wish: OuterBits) => {
      const quantized = await quantizeModel(model, settingsOf(model, wish), { windows: [IDS] });
      return (await matricesOf(quantized)).get("model.layers.1.self_attn.q_proj");
    };
    expect(await codes({ head: 4, embedding: 8 })).toEqual(await codes({}));
  });

  it("stays tied in the model itself, whose logits do not change", async () => {
    await using model = await open(await folder(true));
    const before = await allLogits(model, IDS);
    await quantizeModel(model, settingsOf(model, { head: 4, embedding: 8 }), { windows: [IDS] });
    expect(model.weights.head).toBe(model.weights.embedding);
    expect(await allLogits(model, IDS)).toEqual(before);
  });
});

describe("a resumed run", () => {
  it.each(["gptq", "rtn"] as const)("of method %s reads embedding and head from their files", async (method) => {
    await using model = await open(await folder(true));
    const settings = settingsOf(model, { head: 4, embedding: 8 }, { method });
    const work = memoryWorkFolder();
    const run = { settings, windows: [IDS] };
    const first = await openCheckpoint(work, model, run);
    const quantized = await quantizeModel(model, settings, { windows: [IDS], checkpoint: first });
    expect([...work.files.keys()].sort()).toEqual([
      ...["embedding.safetensors", "head.safetensors", "layer-0.safetensors"],
      ...["layer-1.safetensors", "layer-2.safetensors", "run.json"],
    ]);
    const identity = parseJson(new TextDecoder().decode(work.files.get("run.json")), "run.json");
    expect(identity).toMatchObject({
      "module lm_head": "4 bits, group size 32",
      "module model.embed_tokens": "8 bits, group size 32",
    });
    await work.remove(["head.safetensors"]);
    const second = await openCheckpoint(work, model, { ...run, resume: true });
    expect([second.found, second.blocks]).toEqual([4, 5]);
    const again = await quantizeModel(model, settings, { windows: [IDS], checkpoint: second });
    const byName = (modules: typeof again.modules) => [...modules].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(byName(again.modules)).toEqual(byName(quantized.modules));
    expect(await matricesOf(again)).toEqual(await matricesOf(quantized));
  });
});
