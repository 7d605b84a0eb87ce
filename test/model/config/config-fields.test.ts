/** Files of the hub are read as they are; a field that may change the computation is refused by its name. */
import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../../src/base/errors.ts";
import type { JsonObject, JsonValue } from "../../../src/base/json.ts";
import { readModelConfig } from "../../../src/model/config/families/index.ts";
import { MADE_FAMILIES } from "../../helpers/made-family.ts";
import { PUBLISHED } from "./published.ts";

const read = (json: JsonObject) => readModelConfig(json, "config.json").config;

describe("configurations on the hub", () => {
  it.each(Object.entries(PUBLISHED))("%s is read", (_, { json, says }) => {
    expect(read(json)).toMatchObject(says);
  });

  it.each(Object.entries(PUBLISHED))("%s says the same in the spelling of transformers 5", (_, { json }) => {
    const { rope_theta: theta, rope_scaling: scaling, torch_dtype: dtype, ...rest } = json;
    if (theta === undefined) return;
    const { type, ...others } = (scaling ?? {}) as JsonObject;
    const rope = { rope_theta: theta, rope_type: type ?? "default", ...others };
    expect(read({ ...rest, dtype, rope_parameters: rope } as JsonObject)).toEqual(read(json));
  });
});

describe("a field that nobody knows", () => {
  const CASES: readonly (readonly [string, JsonValue])[] = [
    ["attn_logit_softcapping", 50],
    ["final_logit_softcapping", 30],
    ["new_norm", "tanh"],
    ["use_moon_attention", true],
    ["layer_scales", [1, 2]],
    ["text_config", { hidden_size: 4 }],
    ["constructor", 1],
  ];

  it.each(CASES)("%s: %j is refused by name in every family", (key, value) => {
    for (const json of Object.values(MADE_FAMILIES)) {
      expect(() => read({ ...json, [key]: value })).toThrow(UnsupportedError);
      expect(() => read({ ...json, [key]: value })).toThrow(
        new RegExp(`^config.json: ${key}: found .*, expected a field that this family knows; if it has no effect`),
      );
    }
  });

  it.each([null, false, 0, "", [], {}] as JsonValue[])("is passed over if it turns nothing on: %j", (value) => {
    for (const json of Object.values(MADE_FAMILIES)) expect(read({ ...json, new_norm: value })).toEqual(read(json));
  });

  it.each([
    ["llama with mscale", { clip_qkv: 8 }],
    ["llama with mscale", { residual_multiplier: 0.5 }],
    ["llama with mscale", { sliding_window: 16 }],
    ["mistral with a window", { attention_bias: true }],
    ["mixtral with a window", { n_shared_experts: 1 }],
    ["mixtral with a window", { scoring_func: "sigmoid" }],
    ["qwen2 with upper windows", { qkv_bias: false }],
    ["qwen3 with listed windows", { use_qk_norm: false }],
    ["deepseek with biases", { n_group: 4 }],
    ["olmoe with biases", { shared_expert_intermediate_size: 32 }],
    ["granitemoe without multipliers", { position_embedding_type: "nope" }],
  ] as const)("of another family is refused in %s: %j", (name, change) => {
    const [key] = Object.keys(change);
    expect(() => read({ ...MADE_FAMILIES[name], ...change })).toThrow(UnsupportedError);
    expect(() => read({ ...MADE_FAMILIES[name], ...change })).toThrow(`config.json: ${key}`);
  });

  it.each<JsonObject>([
    { residual_multiplier: 1 },
    { partial_rotary_factor: 1 },
    { rope_interleaved: false },
    { n_group: 1 },
    { pretraining_tp: 2 },
    { _anything: 3 },
    { quantization_config: { bits: 4 } },
  ])("is passed over where its value is the usual one: %j", (change) => {
    const json = MADE_FAMILIES["llama with mscale"];
    expect(read({ ...json, ...change })).toEqual(read(json));
  });
});

describe("readModelConfig", () => {
  const LLAMA = MADE_FAMILIES["llama with mscale"];
  const QWEN3 = MADE_FAMILIES["qwen3 with listed windows"];

  it("refuses a kind of model that it does not know, and names those that it does", () => {
    const known = ["mixtral", "deepseek", "qwen2_moe", "qwen3_moe", "olmoe", "granitemoe", "granitemoeshared"];
    for (const name of [...known, "llama", "mistral", "qwen2", "qwen3"])
      expect(() => read({ model_type: "falcon" })).toThrow(new RegExp(`model_type: found falcon, .*\\b${name}\\b`));
  });

  it.each<[JsonObject, string]>([
    [{ rope_scaling: { type: "longrope", factor: 2 } }, 'rope_scaling: type: found "longrope"'],
    [{ rope_scaling: { type: "linear" } }, "rope_scaling: factor: found nothing"],
    [{ rope_scaling: { type: "linear", factor: 0 } }, "rope_scaling: factor: found 0"],
    [{ rope_scaling: { type: "linear", factor: 2, twist: 3 } }, "rope_scaling: twist: found 3"],
    [{ rope_scaling: { type: "llama3", factor: 2, low_freq_factor: 1 } }, "high_freq_factor: found nothing"],
    [{ rope_scaling: { type: "yarn" } }, "rope_scaling: factor: found nothing"],
    [{ rope_parameters: { rope_type: "default", rope_theta: -1 } }, "rope_parameters: rope_theta: found -1"],
    [{ rope_parameters: { full_attention: { rope_type: "default" } } }, "full_attention: found"],
  ])("refuses %j", (change, message) => {
    expect(() => read({ ...LLAMA, ...change })).toThrow(message);
  });

  it.each<[JsonObject, string]>([
    [{ layer_types: ["full_attention"] }, "layer_types: found 1 entries, expected 3"],
    [{ layer_types: ["chunked_attention", "full_attention", "full_attention"] }, "found chunked_attention"],
    [{ layer_types: [1, 2, 3] }, "layer_types: found"],
    [{ num_hidden_layers: 4 }, "layer_types: found 3 entries, expected 4"],
  ])("refuses layers with %j", (change, message) => {
    expect(() => read({ ...QWEN3, ...change })).toThrow(message);
  });

  it("has no windows where use_sliding_window is false, whatever layer_types and sliding_window are", () => {
    for (const name of [
      "qwen2 with upper windows",
      "qwen3 with listed windows",
      "qwen2_moe with alternating windows",
    ]) {
      const { layers } = read(MADE_FAMILIES[name]);
      const layerTypes = Array(layers).fill("sliding_attention");
      const json = { ...MADE_FAMILIES[name], use_sliding_window: false, layer_types: layerTypes };
      expect(read(json).windows).toEqual(Array(layers).fill(null));
    }
  });

  it("takes the factor of YaRN from the lengths where it is missing", () => {
    const scaling = { rope_type: "yarn", original_max_position_embeddings: 64 };
    expect(read({ ...LLAMA, rope_scaling: scaling }).rope.scaling).toMatchObject({ factor: 4, trained: 64 });
    const outside = { original_max_position_embeddings: 64, rope_scaling: { type: "yarn", factor: 2 } };
    expect(read({ ...LLAMA, ...outside }).rope.scaling).toMatchObject({ factor: 2, trained: 64 });
  });

  it("reads the number of experts in either spelling, and refuses two numbers", () => {
    const json = MADE_FAMILIES["qwen3_moe with windows everywhere"];
    const { num_local_experts: experts, ...rest } = json;
    expect(read({ ...rest, num_experts: experts } as JsonObject)).toEqual(read(json));
    expect(read({ ...json, num_experts: experts } as JsonObject)).toEqual(read(json));
    expect(() => read({ ...json, num_experts: 9 })).toThrow(FormatError);
    expect(() => read({ ...json, num_experts: 9 })).toThrow("expected the same number");
  });

  it("reads a DeepSeek without routed experts as a dense model", () => {
    const json = { ...MADE_FAMILIES["deepseek with biases"], n_routed_experts: null };
    expect(read(json)).toMatchObject({ experts: 0, topK: 0, sharedWidth: 0, moeLayers: Array(4).fill(false) });
  });

  it("takes a family's own defaults for what a file leaves out", () => {
    const { rope_theta: _, rms_norm_eps: __, ...mixtral } = MADE_FAMILIES["mixtral with a window"];
    expect(read(mixtral)).toMatchObject({ rope: { theta: 1e6 }, rmsNormEps: 1e-5 });
    const { rms_norm_eps: ___, ...llama } = LLAMA;
    expect(read(llama as JsonObject)).toMatchObject({ rope: { theta: 1e4 }, rmsNormEps: 1e-6 });
  });
});
