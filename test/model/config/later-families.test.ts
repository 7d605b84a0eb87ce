/** Configurations of the families with other mixers, routers and experts: what is read, and what is refused by name. */
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/base/json.ts";
import { readModelConfig } from "../../../src/model/config/families/index.ts";
import type { ModelConfig } from "../../../src/model/config/model-config.ts";
import { modelVectors } from "../../../src/model/weights/vectors.ts";
import { readText, repositoryFile } from "../../helpers/shared.ts";

function read(folder: string, changes: object = {}): ModelConfig {
  const json = JSON.parse(readText(repositoryFile(`test/fixtures/families/${folder}/config.json`))) as JsonObject;
  return readModelConfig({ ...json, ...changes } as JsonObject, "config.json").config;
}

const [LFM2, OSS, V2, V3] = ["lfm2_moe-bf16", "gpt_oss-mxfp4", "deepseek_v2-groups-bf16", "deepseek_v3-bf16"];
const [ERNIE, GLM] = ["ernie4_5_moe-bf16", "glm4_moe-bf16"];

describe("configurations of later families", () => {
  it.each([
    [LFM2, { layer_types: ["conv"] }, "layer_types: found 1 entries"],
    [LFM2, { layer_types: undefined }, "layer_types: found no entries"],
    [LFM2, { layer_types: Array(5).fill("mamba") }, "layer_types: found mamba"],
    [OSS, { layer_types: Array(4).fill("conv") }, "layer_types: found conv"],
    [OSS, { experts_per_token: 2 }, "experts_per_token: found 2"],
    [V2, { topk_method: "noaux_tc" }, 'topk_method: found "noaux_tc"'],
    [V2, { norm_topk_prob: true }, "norm_topk_prob: found true"],
    [V2, { n_group: 3 }, "n_group: found 3 groups of 16 experts"],
    [V2, { topk_group: 5 }, "topk_group: found 5 of 4 groups"],
    [V3, { scoring_func: "softmax" }, 'scoring_func: found "softmax"'],
    [V3, { n_group: 16 }, "n_group: found 16 groups of 16 experts"],
    [V3, { topk_group: 1, num_experts_per_tok: 5 }, "topk_group: found 1 of 4 groups of 4 experts"],
    [V3, { index_topk: 64 }, "index_topk: found 64"],
    [ERNIE, { moe_gate: "sinkhorn" }, 'moe_gate: found "sinkhorn"'],
    [GLM, { partial_rotary_factor: 0.35 }, "of which 5 columns are rotated"],
  ] as const)("%s with %j is refused", (folder, changes, message) => {
    expect(() => read(folder, changes)).toThrow(message);
  });

  it("say how latent attention is scaled", () => {
    const scaled = read(V3);
    expect(scaled.attentionScale).toBeCloseTo((0.1 * Math.log(40) + 1) ** 2 / Math.sqrt(20), 12);
    expect(read(V2).attentionScale).toBeCloseTo(1 / Math.sqrt(20), 12);
    expect(scaled).toMatchObject({ headDim: 20, valueDim: 10, kvHeads: 3, ropePairs: true, rope: { rotaryDim: 8 } });
    expect(read(V3, { rope_interleave: false }).ropePairs).toBe(false);
  });

  it("have windows in every other layer of gpt-oss, or where they are listed", () => {
    expect(read(OSS).windows).toEqual([8, null, 8, null]);
    const types = ["full_attention", "full_attention", "sliding_attention", "full_attention"];
    expect(read(OSS, { layer_types: types }).windows).toEqual([null, null, 8, null]);
  });

  it("rotate half of GLM's heads if no field says otherwise", () => {
    expect(read(GLM, { partial_rotary_factor: undefined }).rope.rotaryDim).toBe(8);
    const parameters = { rope_type: "default", rope_theta: 1e4, partial_rotary_factor: 1 };
    expect(read(GLM, { rope_parameters: parameters, partial_rotary_factor: undefined }).rope.rotaryDim).toBe(16);
  });

  it("name the filters and biases of the layers that have them", () => {
    const json = JSON.parse(readText(repositoryFile(`test/fixtures/families/${LFM2}/config.json`))) as JsonObject;
    const { family, config } = readModelConfig(json, "config.json");
    const vectors = modelVectors(family.names.hub, config).filter(({ layer }) => layer < 2);
    expect(vectors.map(({ tensor }) => tensor)).toEqual([
      ...["operator_norm.weight", "ffn_norm.weight", "conv.conv.weight"].map((name) => `model.layers.0.${name}`),
      ...["operator_norm", "ffn_norm", "self_attn.q_layernorm", "self_attn.k_layernorm"].map(
        (name) => `model.layers.1.${name}.weight`,
      ),
      "model.layers.1.feed_forward.expert_bias",
      "model.embedding_norm.weight",
    ]);
  });
});
