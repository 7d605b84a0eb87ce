import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FormatError, UsageError } from "../../../src/base/errors.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, type ModuleSetting, type QuantizeSettings } from "../../../src/compress/recipe/settings.ts";
import type { Quantized } from "../../../src/compress/result/quantized.ts";
import { type Checkpoint, openCheckpoint } from "../../../src/compress/resume/block-checkpoint.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { memoryWorkFolder, type WorkFolder } from "../../../src/files/work-folder.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { isQuantizable } from "../../../src/tensor/linear-shape.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { matricesOf } from "../../helpers/quantized.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const FOLDER = repositoryFile("test/fixtures/families/deepseek-f16");
const WINDOWS = [0, 1].map((window) => Array.from({ length: 48 }, (_, i) => (i * 37 + 11 * window) % 320));
const LAYERS = 3;

async function open(change: (weights: Uint8Array) => void = () => {}): Promise<Model> {
  const names = readdirSync(FOLDER).filter((name) => !name.startsWith("expected"));
  const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${FOLDER}/${name}`))]));
  change(files["model.safetensors"]);
  return Model.open(await readModelFiles(filesFolder("tiny", files)), await createMachine(), { activations: "f32" });
}

let model: Model;
beforeAll(async () => {
  model = await open();
});
afterAll(() => model[Symbol.asyncDispose]());

/** Whatever fits: columns in groups of 32, rows in whole words of zero points. */
function settings(change: Partial<QuantizeSettings> = {}, attention: ModuleSetting["bits"] = 3): QuantizeSettings {
  const fitting = model.files.linears.filter(isQuantizable);
  const modules = fitting
    .filter(({ rows, cols }) => cols % 32 === 0 && rows % 8 === 0)
    .map((linear) => [linear.name, { bits: linear.role === "attention" ? attention : 4, groupSize: 32 }] as const);
  return { ...DEFAULT_GRID, modules: new Map(modules), ...change };
}

interface Result {
  readonly quantized: Quantized;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

async function whole(grid: QuantizeSettings, checkpoint?: Checkpoint, signal?: AbortSignal): Promise<Result> {
  const quantized = await quantizeModel(model, grid, { windows: WINDOWS, checkpoint, signal });
  const output = memoryOutput();
  await writeQuantized(model.files, quantized, { settings: grid, output });
  return { quantized, files: output.files };
}

const resumed = (folder: WorkFolder, grid: QuantizeSettings) =>
  openCheckpoint(folder, model, { settings: grid, windows: WINDOWS, resume: true });

/** A run that stops as soon as so many more blocks are safe. */
async function stopAfter(blocks: number, folder: WorkFolder, grid: QuantizeSettings): Promise<void> {
  const controller = new AbortController();
  const checkpoint = await resumed(folder, grid);
  let left = blocks;
  const stopping: Checkpoint = {
    ...checkpoint,
    async save(layer, block) {
      await checkpoint.save(layer, block);
      if (--left === 0) controller.abort(new Error("enough"));
    },
  };
  await expect(whole(grid, stopping, controller.signal)).rejects.toThrow("enough");
}

function expectSame(found: Result, expected: Result): void {
  expect([...found.files.keys()]).toEqual([...expected.files.keys()]);
  for (const [name, bytes] of expected.files) expect(Buffer.compare(found.files.get(name)!, bytes), name).toBe(0);
  expect(found.quantized.modules).toEqual(expected.quantized.modules);
  expect(found.quantized.starved).toEqual(expected.quantized.starved);
}

describe("a stopped run", () => {
  it.each([
    ["gar", {}],
    ["desc, asymmetric", { actOrder: "desc", symmetric: false, clip: "none" }],
    ["error feedback", { errorFeedback: 0.7 }],
  ] as const)("goes on after any block to the same bytes (%s)", async (_, change) => {
    const grid = settings(change);
    const undisturbed = await whole(grid);
    expect(undisturbed.quantized.starved.length).toBeGreaterThan(0);
    for (let blocks = 1; blocks < LAYERS; blocks++) {
      const folder = memoryWorkFolder();
      await stopAfter(blocks, folder, grid);
      expect(await folder.list()).toHaveLength(1 + blocks);
      const checkpoint = await resumed(folder, grid);
      expect(checkpoint.found).toBe(blocks);
      expectSame(await whole(grid, checkpoint), undisturbed);
      await checkpoint.remove();
      expect(await folder.list()).toEqual([]);
    }
  });

  it("may stop after every block, and be asked for once more when all are done", async () => {
    const grid = settings();
    const folder = memoryWorkFolder();
    for (let layer = 0; layer < LAYERS - 1; layer++) await stopAfter(1, folder, grid);
    const undisturbed = await whole(grid);
    expectSame(await whole(grid, await resumed(folder, grid)), undisturbed);
    expectSame(await whole(grid, await resumed(folder, grid)), undisturbed);
  });

  it("goes on with rounding too", async () => {
    const grid = settings({ method: "rtn" });
    const folder = memoryWorkFolder();
    await stopAfter(1, folder, grid);
    expectSame(await whole(grid, await resumed(folder, grid)), await whole(grid));
  });

  it("gives matrices from the files of its blocks, not from memory", async () => {
    const folder = memoryWorkFolder();
    const run = { windows: WINDOWS, checkpoint: await resumed(folder, settings()) };
    const kept = await quantizeModel(model, settings(), run);
    expect(await matricesOf(kept)).toEqual(
      await matricesOf(await quantizeModel(model, settings(), { windows: WINDOWS })),
    );
    const [{ name }] = kept.modules;
    expect(await kept.matrices.scales(name)).toEqual((await kept.matrices.get(name))?.scales);
    expect(await kept.matrices.get("model.layers.0.block_sparse_moe.gate")).toBeUndefined();
    await run.checkpoint.remove();
    await expect(kept.matrices.get(name)).rejects.toThrow("layer-0.safetensors: found no such file");
  });

  it("is forgotten by a run that does not resume", async () => {
    const folder = memoryWorkFolder();
    await stopAfter(1, folder, settings());
    const checkpoint = await openCheckpoint(folder, model, { settings: settings(), windows: WINDOWS });
    expect(checkpoint.found).toBe(0);
    expect(await folder.list()).toEqual([]);
  });

  it("is nobody's without its run.json", async () => {
    const folder = memoryWorkFolder();
    await stopAfter(1, folder, settings());
    folder.files.delete("run.json");
    expect((await resumed(folder, settings())).found).toBe(0);
    expect(await folder.list()).toEqual([]);
  });
});

describe("a run with anything else", () => {
  let folder: ReturnType<typeof memoryWorkFolder>;
  beforeAll(async () => {
    folder = memoryWorkFolder("out.partial");
    await stopAfter(1, folder, settings());
  });

  /** Refused by name of the field, and what is there stays. */
  async function expectRefused(opening: Promise<unknown>, message: RegExp): Promise<void> {
    const error = await opening.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
    expect((error as UsageError).message).toContain("as in this one; begin anew with --force");
    expect(await folder.list()).toEqual(["layer-0.safetensors", "run.json"]);
  }

  it.each([
    ["bits", {}, /module model\.layers\.0\.self_attn\.q_proj: found "3 bits, .*expected "4 bits, /],
    ["group size", {}, /module model\.layers\.0\.self_attn\.q_proj: found ".*size 32", .* expected ".*size 64"/],
    ["clip", { clip: "none" }, /run\.json: clip: found "mse", of another run, expected "none"/],
    ["order", { actOrder: "none" }, /run\.json: actOrder: found "gar"/],
    ["zero", { symmetric: false }, /run\.json: symmetric: found true, of another run, expected false/],
    ["damping", { dampPercent: 0.02 }, /run\.json: dampPercent: found 0\.01, of another run, expected 0\.02/],
    ["next damping", { dampIncrement: 0.5 }, /run\.json: dampIncrement: found null/],
    ["dead columns", { deadColumns: "zero" }, /run\.json: deadColumns/],
    ["static groups", { staticGroups: true }, /run\.json: staticGroups/],
    ["method", { method: "rtn" }, /run\.json: method: found "gptq"/],
  ] as const)("is refused: another setting of %s", async (name, change, message) => {
    const base = settings(change, name === "bits" ? 4 : 3);
    const wider = new Map([...base.modules].map(([module, { bits }]) => [module, { bits, groupSize: 64 }]));
    await expectRefused(resumed(folder, name === "group size" ? { ...base, modules: wider } : base), message);
  });

  it.each([
    ["one id", [WINDOWS[0], [...WINDOWS[1].slice(0, -1), 5]]],
    ["windows cut otherwise", [WINDOWS.flat()]],
    ["no windows", undefined],
  ])("is refused: %s", async (_, windows) => {
    const opening = openCheckpoint(folder, model, { settings: settings(), windows, resume: true });
    await expectRefused(opening, /run\.json: calibrationHash: found "[0-9a-f]+\.*/);
  });

  it("is refused: one byte of the weights", async () => {
    await using other = await open((weights) => {
      weights[weights.length - 2] ^= 1;
    });
    await expectRefused(
      openCheckpoint(folder, other, { settings: settings(), windows: WINDOWS, resume: true }),
      /run\.json: modelHash: found/,
    );
  });

  it("is refused: another version", async () => {
    const mine = folder.files.get("run.json")!;
    const old = new TextDecoder().decode(mine).replace(/"version": "[^"]+"/, '"version": "0.0.9"');
    folder.files.set("run.json", new TextEncoder().encode(old));
    await expectRefused(resumed(folder, settings()), /run\.json: version: found "0\.0\.9", of another run, expected "/);
    folder.files.set("run.json", mine);
  });
});

describe("a damaged block", () => {
  let folder: ReturnType<typeof memoryWorkFolder>;
  let intact: Uint8Array;
  beforeAll(async () => {
    folder = memoryWorkFolder("out.partial");
    await stopAfter(1, folder, settings());
    intact = folder.files.get("layer-0.safetensors")!;
  });

  async function expectRefused(block: Uint8Array, message: RegExp): Promise<void> {
    folder.files.set("layer-0.safetensors", block);
    const checkpoint = await resumed(folder, settings());
    const error = await quantizeModel(model, settings(), { windows: WINDOWS, checkpoint }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(FormatError);
    expect((error as FormatError).message).toMatch(message);
  }

  /** The header with one text in place of another of the same length. */
  function withHeader(from: string, to: string): Uint8Array {
    expect(to).toHaveLength(from.length);
    const bytes = Buffer.from(intact);
    const at = bytes.indexOf(from);
    expect(at, from).toBeGreaterThan(0);
    bytes.write(to, at);
    return new Uint8Array(bytes);
  }

  it("is refused where it is cut short, empty, or no such file", async () => {
    await expectRefused(intact.subarray(0, -1), /layer-0\.safetensors: tensor model\..*cut short/);
    await expectRefused(intact.subarray(0, 100), /layer-0\.safetensors: found a header of/);
    await expectRefused(new Uint8Array(0), /layer-0\.safetensors: found 0 bytes/);
    await expectRefused(new Uint8Array(64).fill(7), /layer-0\.safetensors: found a header/);
  });

  it("is refused for one wrong byte, by tensor", async () => {
    const flipped = intact.slice();
    flipped[flipped.length - 1] ^= 1;
    await expectRefused(flipped, /layer-0\.safetensors: tensor model\.\S+: found bytes with the SHA-256 .* is damaged/);
  });

  it("is refused for wrong shapes, names and reports", async () => {
    const tensor = "model.layers.0.self_attn.q_proj.codes";
    const shaped = (shape: string) => `"${tensor}":{"dtype":"U8","shape":${shape}`;
    await expectRefused(
      withHeader(shaped("[64,64]"), shaped("[ 4096]")),
      /tensor \S+q_proj\.codes: found U8 \[4096\], expected U8 \[64, 64\]/,
    );
    await expectRefused(
      withHeader(`"${tensor}"`, `"${tensor.replace("codes", "cOdes")}"`),
      /no tensor ".*q_proj\.codes"/,
    );
    await expectRefused(withHeader('"layer":"0"', '"layer":"1"'), /layer-0\.safetensors: layer: found 1, expected 0/);
    await expectRefused(withHeader('"modules":"[', '"modulez":"['), /layer-0\.safetensors: modules: found null/);
    await expectRefused(withHeader('\\"loss\\":', '\\"lost\\":'), /layer-0\.safetensors: modules\[0\]/);
    await expectRefused(withHeader('\\"name\\":\\"model', '\\"name\\":\\"mOdel'), /none for model\.layers\.0/);
  });

  it("is refused for values that no run writes, whatever its hashes say", async () => {
    folder.files.set("layer-0.safetensors", intact);
    const checkpoint = await resumed(folder, settings());
    const block = (await checkpoint.load(0))!;
    const [[name, matrix]] = block.matrices;
    for (const [change, message] of [
      [{ codes: matrix.codes.map(() => 8) }, /q_proj\.codes: found 8 at element 0, expected codes of 3 bits/],
      [{ zeros: matrix.zeros.map(() => 9) }, /q_proj\.zeros: found 9 at element 0/],
      [{ scales: matrix.scales.map(() => 1e-30) }, /q_proj\.scales: found .* expected scales of 16 bits/],
      [{ gIdx: matrix.gIdx.map(() => 2) }, /q_proj\.g_idx: found 2 at element 0, expected groups below 2/],
      [{ perm: matrix.perm.map(() => -1) }, /q_proj\.perm: found -1 at element 0, expected columns below 64/],
    ] as const) {
      await checkpoint.save(0, { ...block, matrices: new Map(block.matrices).set(name, { ...matrix, ...change }) });
      await expect(checkpoint.load(0)).rejects.toThrow(message);
    }
  });
});
