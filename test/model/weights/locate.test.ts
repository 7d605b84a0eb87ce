import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { type TensorToWrite, tensorOf } from "../../../src/format/safetensors-writer.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { readWeights } from "../../../src/model/weights/locate.ts";
import { SITES, siteOf } from "../../../src/model/weights/sites.ts";
import { folderWith, madeFiles } from "../../helpers/made-model.ts";
import { gaussians } from "../../helpers/random.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const MIXTRAL = "test/fixtures/families/mixtral-window-bf16";
const DEEPSEEK = "test/fixtures/families/deepseek-f16";
const PACKED = "test/fixtures/gptq-checkpoints/mixtral-b4-g64";
const GATE = "model.layers.{layer}.mlp.shared_expert_gate";

const f32 = (name: string, shape: readonly number[], values: Float32Array) => tensorOf(name, "F32", shape, values);

async function locate(path: string) {
  const files = await readModelFiles(await nodeFolder(repositoryFile(path)));
  await files.index.close();
  return files;
}

describe("locateAll", () => {
  it.each([
    [MIXTRAL, "hub", "float"],
    [DEEPSEEK, "hub", "float"],
    [PACKED, "transformers", "packed"],
    ["test/fixtures/gptq-checkpoints/mixtral-hub-names-b8-row-no-gidx", "hub", "packed"],
  ])("finds every linear of %s, spelled as %s, its experts %s", async (path, spelling, kind) => {
    const { linears, config, index, ...files } = await locate(path);
    expect(files.spelling).toBe(spelling);
    expect(new Set(linears.map(({ name }) => name)).size).toBe(linears.length);
    const experts = linears.filter(({ role }) => role === "expert");
    expect(experts).toHaveLength(3 * config.experts * config.moeLayers.filter((moe) => moe).length);
    expect(new Set(experts.map(({ stored }) => stored.kind))).toEqual(new Set([kind]));
    // All tensors but norms and old buffers belong to a linear, each to one.
    const taken = linears.flatMap(({ stored }) => stored.tensors.map(({ name }) => name));
    const rest = [...index.entries.keys()].filter((name) => !taken.includes(name));
    expect(rest.every((name) => /(norm\.weight|inv_freq)$/.test(name))).toBe(true);
    expect(new Set(taken).size).toBe(taken.length);
  });

  it("takes experts from banks, the same weights as from tensors of their own", async () => {
    const source = await nodeFolder(repositoryFile(DEEPSEEK));
    const { linears, config } = await locate(DEEPSEEK);
    const files = await readModelFiles(source);
    const weights = new Map<string, Float32Array>();
    for (const linear of files.linears) weights.set(linear.name, await readWeights(linear));
    const bank = (layer: number, projections: readonly string[], name: string): TensorToWrite => {
      const rows = projections.map((projection) =>
        linears.filter(
          (linear) => linear.layer === layer && linear.role === "expert" && linear.projection === projection,
        ),
      );
      const parts = rows[0].flatMap((_, expert) => rows.map((list) => weights.get(list[expert].name)!));
      const values = Float32Array.from(parts.flatMap((part) => [...part]));
      const shape = [config.experts, projections.length * rows[0][0].rows, rows[0][0].cols];
      return f32(`model.layers.${layer}.mlp.experts.${name}`, shape, values);
    };
    const banks = [1, 2].flatMap((layer) => [
      bank(layer, ["gate", "up"], "gate_up_proj"),
      bank(layer, ["down"], "down_proj"),
    ]);
    const made = await madeFiles(await folderWith(DEEPSEEK, banks), {});
    for (const linear of made.linears.filter(({ role }) => role === "expert")) {
      expect(linear.stored.tensors[0].name).toMatch(/experts\.(gate_up|down)_proj$/);
      expect(await readWeights(linear)).toEqual(weights.get(linear.name));
    }
    await files.index.close();
  });

  it("knows biases where the configuration has a meaning for them, and refuses them elsewhere", async () => {
    const name = "model.layers.0.self_attn.q_proj";
    const folder = await folderWith(DEEPSEEK, [f32(`${name}.bias`, [64], gaussians(64, 1))]);
    await expect(madeFiles(folder, {})).rejects.toThrow(UnsupportedError);
    await expect(madeFiles(folder, { config: { biased: ["k"] } })).rejects.toThrow(`${name}.bias: found a bias`);
    const { linears } = await madeFiles(folder, { config: { biased: ["q", "k", "v"] } });
    const biased = linears.filter(({ stored }) => stored.bias !== undefined);
    expect(biased.map((linear) => linear.name)).toEqual([name]);
    expect(await biased[0].stored.bias!.read()).toEqual(gaussians(64, 1));
  });

  it("has a linear for the gate of the shared experts where the configuration says so", async () => {
    const gates = [1, 2].map((layer) =>
      f32(`${GATE.replace("{layer}", String(layer))}.weight`, [1, 64], gaussians(64, layer)),
    );
    const folder = await folderWith(DEEPSEEK, gates);
    const { linears } = await madeFiles(folder, { config: { sharedGate: true }, names: { sharedGate: GATE } });
    const found = linears.filter(({ role }) => role === "sharedGate");
    expect(found.map(({ layer, rows, cols, projection }) => [layer, rows, cols, projection])).toEqual([
      [1, 1, 64, "sharedGate"],
      [2, 1, 64, "sharedGate"],
    ]);
    expect(await readWeights(found[1])).toEqual(gaussians(64, 2));
    await expect(madeFiles(folder, { config: { sharedGate: true } })).rejects.toThrow("names no linears of the role");
  });
});

describe("siteOf", () => {
  it("gives every linear of a block the one site that lists it", async () => {
    for (const path of [MIXTRAL, DEEPSEEK])
      for (const linear of (await locate(path)).linears) {
        const site = siteOf(linear);
        expect(site === undefined).toBe(linear.layer < 0);
        const listed = Object.entries(SITES).filter(([, readers]) =>
          readers.some(([role, projections]) => role === linear.role && projections.includes(linear.projection)),
        );
        expect(listed.map(([name]) => name)).toEqual(site === undefined ? [] : [site]);
      }
    expect(siteOf({ role: "sharedGate", projection: "sharedGate" })).toBe("router");
  });
});
