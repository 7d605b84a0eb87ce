import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/base/json.ts";
import { readModelConfig } from "../../../src/model/config/families/index.ts";
import { nameFor, SPELLINGS } from "../../../src/model/config/module-names.ts";
import { modelLinears, moduleOf } from "../../../src/model/weights/linears.ts";
import { modelVectors } from "../../../src/model/weights/vectors.ts";
import { readText, repositoryFile } from "../../helpers/shared.ts";

const configOf = (folder: string, changes: object = {}) => {
  const json = JSON.parse(readText(repositoryFile(`${folder}/config.json`))) as JsonObject;
  return readModelConfig({ ...json, ...changes } as JsonObject, "config.json");
};
const MIXTRAL = "models/fable-mixtral";
const DEEPSEEK = "models/fable-deepseek";

describe.each([MIXTRAL, DEEPSEEK])("the family of %s", (folder) => {
  const { family, config } = configOf(folder);

  it("names every linear once in each spelling, with all numbers filled in", () => {
    for (const spelling of SPELLINGS) {
      const names = modelLinears(family.names[spelling], config).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(names.filter((name) => /[{}]|undefined|-1/.test(name))).toEqual([]);
    }
  });

  it("lists them as the forward pass meets them, with the shapes of the configuration", () => {
    const linears = modelLinears(family.names.hub, config);
    expect(linears[0]).toMatchObject({ role: "embedding", rows: config.vocabSize, cols: config.hiddenSize });
    expect(linears.at(-1)!.role).toBe(config.tiedEmbeddings ? linears.at(-1)!.role : "head");
    const layers = linears.map(({ layer }) => layer).filter((layer) => layer >= 0);
    expect(layers).toEqual([...layers].sort((a, b) => a - b));
    for (const { role, projection, rows, cols } of linears.filter(({ role }) => role === "expert"))
      expect([role, rows, cols]).toEqual(
        projection === "down"
          ? ["expert", config.hiddenSize, config.expertWidth]
          : ["expert", config.expertWidth, config.hiddenSize],
      );
    expect(config.biased).toEqual([]);
    expect(config.sharedGate).toBe(false);
  });

  it("refuses what it has no meaning for", () => {
    expect(() => configOf(folder, { new_norm: "tanh" })).toThrow('new_norm: found "tanh"');
    expect(() => configOf(folder, { hidden_act: "gelu" })).toThrow('hidden_act: found "gelu"');
  });
});

describe("module names", () => {
  it("of Mixtral differ between the spellings, those of DeepSeek do not", () => {
    const [mixtral, deepseek] = [configOf(MIXTRAL).family.names, configOf(DEEPSEEK).family.names];
    expect(nameFor(mixtral.hub.expert.up, 2, 7)).toBe("model.layers.2.block_sparse_moe.experts.7.w3");
    expect(nameFor(mixtral.transformers.expert.up, 2, 7)).toBe("model.layers.2.mlp.experts.7.up_proj");
    expect(nameFor(mixtral.hub.router, 0)).toBe("model.layers.0.block_sparse_moe.gate");
    expect(deepseek.hub).toEqual(deepseek.transformers);
    expect(nameFor(deepseek.hub.shared!.gate, 1)).toBe("model.layers.1.mlp.shared_experts.gate_proj");
    expect(mixtral.hub.shared).toBeUndefined();
  });

  it("place gate and up of an expert one below the other in a bank", () => {
    const { family, config } = configOf(MIXTRAL);
    const names = family.names.transformers;
    const linears = modelLinears(names, config).filter(({ layer, expert }) => layer === 1 && expert === 3);
    const [gate, up, down] = linears.map((linear) => moduleOf(names, linear).bank!);
    const { expertWidth, hiddenSize } = config;
    const tensor = "model.layers.1.mlp.experts.gate_up_proj";
    expect(gate).toEqual({ tensor, expert: 3, blockRows: 2 * expertWidth, firstRow: 0 });
    expect(up).toEqual({ tensor, expert: 3, blockRows: 2 * expertWidth, firstRow: expertWidth });
    expect(down).toMatchObject({ expert: 3, blockRows: hiddenSize, firstRow: 0 });
  });

  it("list two norms a layer and the final one", () => {
    const { family, config } = configOf(MIXTRAL, { num_hidden_layers: 2 });
    expect(modelVectors(family.names.hub, config).map(({ tensor }) => tensor)).toEqual([
      "model.layers.0.input_layernorm.weight",
      "model.layers.0.post_attention_layernorm.weight",
      "model.layers.1.input_layernorm.weight",
      "model.layers.1.post_attention_layernorm.weight",
      "model.norm.weight",
    ]);
  });
});
