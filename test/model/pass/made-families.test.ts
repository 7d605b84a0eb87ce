/** Families and features that no fixture has, on made models, against the f64 reference pass. */
import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { WindowBatch } from "../../../src/compress/windows/window-batch.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../../src/files/source.ts";
import { openTensorIndex } from "../../../src/format/checkpoint.ts";
import { copyOf, type TensorToWrite, tensorOf, writeSafetensors } from "../../../src/format/safetensors-writer.ts";
import { SPELLINGS } from "../../../src/model/config/module-names.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { TreeSession } from "../../../src/model/pass/tree-session.ts";
import { computeTapped } from "../../../src/runtime/logits.ts";
import { stride } from "../../../src/tensor/matrix.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import {
  folderCheckpoint,
  type Layout,
  MADE_FAMILIES,
  madeCheckpoint,
  madeFamilyFolder,
} from "../../helpers/made-family.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { readText } from "../../helpers/shared.ts";
import { reference as referencePass } from "../../reference/families/reference.ts";
import {
  allLogits,
  FAMILY_CASES,
  firstDifference,
  hiddenStates,
  largestDifference,
  readExpected,
  rms,
} from "../cases.ts";

const random = mulberry32(7);
const IDS = Array.from({ length: 24 }, () => Math.floor(random() * 96));

async function open(...made: Parameters<typeof madeFamilyFolder>): Promise<Model> {
  const files = await readModelFiles(await madeFamilyFolder(...made));
  return Model.open(files, await createMachine(), { activations: "f32" });
}

const flat = (rows: readonly Float64Array[]) => Float32Array.from(rows.flatMap((row) => [...row]));

/** Fixtures whose experts are stored one by one, as the reference reads them. */
const SEPARATE = FAMILY_CASES.filter(({ name, path }) => path !== undefined && !name.includes("fused"));

describe("the reference pass", () => {
  it.each(SEPARATE)("agrees with the float64 answers of $name", async ({ path }) => {
    const { ids, logits } = readExpected(path as string);
    const json = JSON.parse(readText(`${path}/config.json`)) as object;
    const found = referencePass(withTheta(json), await folderCheckpoint(path as string), ids);
    expect(largestDifference(flat(found.logits), logits)).toBeLessThanOrEqual(1e-6);
  });

  /** The reference reads the hub's spelling of RoPE only. */
  function withTheta(json: object): object {
    return { ...json, ...(json as { rope_parameters?: object }).rope_parameters };
  }
});

describe("tensors that no family names", () => {
  it("are passed over: layers beyond num_hidden_layers, and frequencies of RoPE", async () => {
    const json = MADE_FAMILIES["qwen3 with listed windows"];
    const shorter = { ...json, num_hidden_layers: 2, layer_types: ["sliding_attention", "full_attention"] };
    const extra = tensorOf("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", [2], Float32Array.of(9, 9));
    const folder = await withTensors(await madeFamilyFolder(json), shorter, [extra]);
    await using model = await Model.open(await readModelFiles(folder), await createMachine(), { activations: "f32" });
    const reference = referencePass(shorter, madeCheckpoint(json), IDS);
    const expected = flat(reference.logits);
    expect(largestDifference(await allLogits(model, IDS), expected)).toBeLessThanOrEqual(2e-4 * rms(expected));
  });

  /** The folder with another configuration and further tensors. */
  async function withTensors(
    folder: FolderSource,
    json: object,
    more: readonly TensorToWrite[],
  ): Promise<FolderSource> {
    const index = await openTensorIndex(folder);
    const output = memoryOutput("extra");
    const file = await output.file("model.safetensors");
    await writeSafetensors(file, [...[...index.entries.values()].map((entry) => copyOf(entry)), ...more]);
    await file.close();
    await output.commit();
    const config = new TextEncoder().encode(JSON.stringify(json));
    return filesFolder("extra", { "config.json": config, "model.safetensors": output.files.get("model.safetensors")! });
  }
});

describe.each(Object.entries(MADE_FAMILIES))("%s", (_, json) => {
  const reference = referencePass(json, madeCheckpoint(json), IDS);
  const expected = flat(reference.logits);

  it("computes the logits and the residual stream of the reference", async () => {
    await using model = await open(json);
    expect(largestDifference(await allLogits(model, IDS), expected)).toBeLessThanOrEqual(2e-4 * rms(expected));
    const hidden = await hiddenStates(model, IDS);
    hidden.forEach((found, layer) => {
      const wanted = flat(reference.hidden[layer]);
      expect(largestDifference(found, wanted) / rms(wanted), `layer ${layer}`).toBeLessThanOrEqual(1e-4);
    });
  });

  it("sends tokens to the experts of the reference", async () => {
    await using model = await open(json);
    using session = model.session({ context: IDS.length, batch: IDS.length, keepRoutes: true });
    await session.evaluate(IDS, new Turns());
    const { arena } = model.machine;
    const { topK } = model.config;
    expect(reference.routes.map((routes) => routes.length > 0)).toEqual(model.config.moeLayers);
    reference.routes.forEach((routes, layer) => {
      if (routes.length === 0) return;
      const { experts, weights } = session.state.routes[layer];
      expect([...arena.i32(experts, routes.length * topK)]).toEqual(routes.flatMap((route) => route.experts));
      const wanted = routes.flatMap((route) => route.weights);
      expect(largestDifference(arena.f32(weights, wanted.length), wanted)).toBeLessThanOrEqual(2e-5);
    });
  });

  it("gives the same bits from every layout on disk, token by token, on two threads, and in a tree", async () => {
    await using model = await open(json);
    const whole = await allLogits(model, IDS);
    expect(firstDifference(await allLogits(model, IDS, { batch: 1 }), whole)).toBe(-1);
    expect(firstDifference(await allLogits(model, IDS, { batch: 5 }), whole)).toBe(-1);
    expect(firstDifference(await treeLogits(model), whole)).toBe(-1);
    for (const spelling of SPELLINGS)
      for (const layout of ["separate", "fused"] as const satisfies readonly Layout[]) {
        const files = await readModelFiles(await madeFamilyFolder(json, spelling, layout));
        const machine = await createMachine({ threads: layout === "fused" ? 2 : 1 });
        await using other = await Model.open(files, machine, { activations: "f32" });
        expect(firstDifference(await allLogits(other, IDS), whole), `${spelling}, ${layout}`).toBe(-1);
      }
  });

  it("gives the same bits in a batch of windows, and in passes that stop after each block", async () => {
    await using model = await open(json);
    const whole = await allLogits(model, IDS);
    const { vocabSize } = model.config;
    const windows = [IDS.slice(0, 9), IDS, IDS.slice(0, 3)];
    using batch = new WindowBatch(model, windows, { logitRows: IDS.length });
    await batch.run(new Turns(), () => {});
    await batch.head(9, IDS.length, new Turns());
    const ld = stride(vocabSize);
    const rows = model.machine.arena.f32(batch.state.logits, IDS.length * ld);
    const found = Float32Array.from(whole, (_, at) => rows[Math.floor(at / vocabSize) * ld + (at % vocabSize)]);
    expect(firstDifference(found, whole)).toBe(-1);
    expect(firstDifference((await computeTapped(model, IDS)).logits.data, whole)).toBe(-1);
  });

  /** The sequence as a tree whose nodes all want logits, in passes that cut it, after another path that shares its beginning. */
  async function treeLogits(model: Model): Promise<Float32Array> {
    const { vocabSize } = model.config;
    const all = new Float32Array(IDS.length * vocabSize);
    using session = new TreeSession(model, { context: 64, batch: 7 });
    const turns = new Turns();
    const other = [...IDS.slice(0, 9), ...IDS.slice(0, 9)];
    const tree = (ids: readonly number[], wanted: 0 | 1) => ({
      ids: Int32Array.from(ids),
      depths: Int32Array.from(ids.keys()),
      wanted: new Uint8Array(ids.length).fill(wanted),
    });
    await session.evaluate(tree(other, 0), turns, () => {});
    await session.evaluate(tree(IDS, 1), turns, ({ ptr, ld, nodes }) => {
      for (const [row, node] of nodes.entries())
        all.set(model.machine.arena.f32(ptr + 4 * ld * row, vocabSize), node * vocabSize);
    });
    return all;
  }
});
