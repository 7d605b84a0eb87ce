import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { type JsonObject, parseJson } from "../../../src/base/json.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { parseGptqConfig, readGptqConfig, resolveModule } from "../../../src/format/gptq/gptq-config.ts";
import { dynamicRules, type WrittenModule, writeGptqConfig } from "../../../src/format/gptq/gptq-dynamic.ts";
import { mulberry32 } from "../../helpers/random.ts";

const parse = (json: object) => parseGptqConfig(parseJson(JSON.stringify(json), "q.json") as JsonObject, "q.json");
const bytes = (json: object) => new TextEncoder().encode(JSON.stringify(json));

describe("readGptqConfig", () => {
  const config = { model_type: "x", quantization_config: { bits: 8, group_size: -1, quant_method: "gptq" } };

  it("prefers quantize_config.json, then quant_config.json, then config.json", async () => {
    const files = {
      "quantize_config.json": bytes({ bits: 2 }),
      "quant_config.json": bytes({ bits: 3 }),
      "config.json": bytes(config),
    };
    expect(await readGptqConfig(filesFolder("m", files))).toMatchObject({ bits: 2, where: "m/quantize_config.json" });
    const { "quant_config.json": second, "config.json": third } = files;
    expect((await readGptqConfig(filesFolder("m", { "quant_config.json": second, "config.json": third })))?.bits).toBe(
      3,
    );
    expect(await readGptqConfig(filesFolder("m", { "config.json": third }))).toMatchObject({
      bits: 8,
      groupSize: -1,
      symmetric: true,
      descAct: false,
      version: "gptq",
      lmHead: false,
    });
  });

  it("gives undefined for a model that is not quantised", async () => {
    expect(
      await readGptqConfig(filesFolder("m", { "config.json": bytes({ quantization_config: null }) })),
    ).toBeUndefined();
    expect(await readGptqConfig(filesFolder("m", { "config.json": bytes({}) }))).toBeUndefined();
    expect(await readGptqConfig(filesFolder("m", {}))).toBeUndefined();
  });
});

describe("parseGptqConfig", () => {
  it("takes either spelling of the method and of the version", () => {
    for (const key of ["format", "checkpoint_format"])
      expect(parse({ bits: 4, [key]: "gptq_v2" }).version).toBe("gptq_v2");
    for (const key of ["method", "quant_method"]) expect(parse({ bits: 4, [key]: "gptq" }).version).toBe("gptq");
  });

  it("reads what AutoGPTQ, Optimum and GPTQModel write, and ignores what changes no weight", () => {
    const autoGptq = {
      ...{ bits: 4, group_size: 128, damp_percent: 0.01, desc_act: true, static_groups: false, sym: false },
      ...{ true_sequential: true, model_name_or_path: null, model_file_base_name: "gptq_model-4bit-128g" },
      ...{ is_marlin_format: false, quant_method: "gptq", checkpoint_format: null },
    };
    expect(parse(autoGptq)).toMatchObject({
      bits: 4,
      groupSize: 128,
      symmetric: false,
      descAct: true,
      version: "gptq",
    });
    const optimum = {
      ...{ bits: 3, tokenizer: null, dataset: "c4", group_size: -1, damp_percent: 0.1, desc_act: false, sym: true },
      ...{ true_sequential: true, use_cuda_fp16: false, model_seqlen: 2048, block_name_to_quantize: "model.layers" },
      ...{ module_name_preceding_first_block: ["model.embed_tokens"], batch_size: 1, pad_token_id: null },
      ...{ use_exllama: true, max_input_length: null, exllama_config: { version: 1 }, cache_block_outputs: true },
      ...{ modules_in_block_to_quantize: [["self_attn.q_proj"], ["mlp.down_proj"]], backend: "auto" },
      ...{ quant_method: "gptq", meta: { quantizer: ["optimum:1.23", "gptqmodel:1.4"] } },
    };
    expect(parse(optimum)).toMatchObject({ bits: 3, groupSize: -1, symmetric: true, version: "gptq", dynamic: [] });
    const gptqModel = {
      ...{ bits: 8, dynamic: null, group_size: 32, desc_act: false, lm_head: true, method: "gptq", format: "gptq_v2" },
      ...{ quant_method: "gptq", checkpoint_format: "gptq_v2", pack_dtype: "int32", rotation: null },
      meta: { quantizer: ["gptqmodel:7.7.0"], act_group_aware: true, mse: 0, fallback: { strategy: "rtn" } },
    };
    expect(parse(gptqModel)).toMatchObject({
      bits: 8,
      groupSize: 32,
      symmetric: true,
      lmHead: true,
      version: "gptq_v2",
    });
  });

  it.each([
    [{ bits: 4, quant_method: "awq" }, "UNSUPPORTED", 'q.json: quant_method: found "awq", expected gptq'],
    [{ bits: 4, method: "compressed-tensors" }, "UNSUPPORTED", 'q.json: method: found "compressed-tensors"'],
    [
      { bits: 4, checkpoint_format: "gptq_p" },
      "UNSUPPORTED",
      'checkpoint_format: found "gptq_p", expected one of gptq, gptq_v2',
    ],
    [
      { bits: 4, checkpoint_format: "gptq", format: "gptq_v2" },
      "FORMAT",
      'found checkpoint_format "gptq" and format "gptq_v2", expected the same in both',
    ],
    [{ bits: 4, pack_dtype: "int16" }, "UNSUPPORTED", 'pack_dtype: found "int16"'],
    [{ bits: 4, is_marlin_format: true }, "UNSUPPORTED", "is_marlin_format: found true"],
    [{ bits: 4, rotation: "hadamard" }, "UNSUPPORTED", 'rotation: found "hadamard"'],
    [{ bits: 5 }, "UNSUPPORTED", "bits: found 5, expected one of 2, 3, 4, 8"],
    [{ bits: { "model.x": 2 } }, "UNSUPPORTED", "bits: found an object"],
    [{}, "FORMAT", "bits: found nothing"],
    [{ bits: 4, group_size: 0 }, "FORMAT", "group_size: found 0"],
    [{ bits: 4, group_size: "128" }, "FORMAT", 'group_size: found "128"'],
    [{ bits: 4, sym: "yes" }, "FORMAT", 'sym: found "yes", expected true or false'],
    [{ bits: 4, dynamic: [] }, "FORMAT", "dynamic: found an array"],
    [{ bits: 4, dynamic: { x: 8 } }, "FORMAT", 'dynamic["x"]: found 8, expected a JSON object'],
    [{ bits: 4, dynamic: { x: { bits: 6 } } }, "UNSUPPORTED", 'dynamic["x"]: bits: found 6'],
    [{ bits: 4, dynamic: { "+:(?i)x": {} } }, "UNSUPPORTED", "the group (?i"],
  ])("rejects %j", (json, code, message) => {
    expect(() => parse(json)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});

describe("resolveModule", () => {
  const config = parse({
    bits: 4,
    group_size: 64,
    dynamic: {
      "+:.*\\.self_attn\\..*": { bits: 8, group_size: 32 },
      "model\\.layers\\.0\\.self_attn": { bits: 2 },
      "+:.*\\.experts\\.1": { bits: 3, sym: false },
      "-:.*\\.layers\\.1\\.": {},
    },
  });

  it("tries the negative rules first, then takes the first that matches", () => {
    expect(resolveModule(config, "model.layers.1.self_attn.q_proj")).toBe("float");
    expect(resolveModule(config, "model.layers.0.self_attn.q_proj")).toEqual({
      bits: 8,
      groupSize: 32,
      symmetric: true,
    });
    expect(resolveModule(config, "model.layers.0.mlp.down_proj")).toEqual({ bits: 4, groupSize: 64, symmetric: true });
  });

  it("anchors at the start only: experts.1 is also the beginning of experts.10", () => {
    expect(resolveModule(config, "model.layers.0.mlp.experts.10.up_proj")).toEqual({
      bits: 3,
      groupSize: 64,
      symmetric: false,
    });
    expect(resolveModule(parse({ bits: 4, dynamic: { mlp: { bits: 8 } } }), "model.mlp")).toMatchObject({ bits: 4 });
  });

  it("quantises the head only by lm_head: true or a rule of its own", () => {
    expect(resolveModule(config, "lm_head")).toBe("float");
    expect(resolveModule(parse({ bits: 4, dynamic: { ".*": { bits: 8 } } }), "lm_head")).toBe("float");
    expect(
      resolveModule(parse({ bits: 4, dynamic: { lm_head: { bits: 8, group_size: 32 } } }), "lm_head"),
    ).toMatchObject({ bits: 8, groupSize: 32 });
    expect(resolveModule(parse({ bits: 4, lm_head: true }), "lm_head")).toMatchObject({ bits: 4 });
    expect(resolveModule(parse({ bits: 4, lm_head: true, dynamic: { "-:lm_head": {} } }), "lm_head")).toBe("float");
  });
});

/** The linears of a mixture model, each given a setting. */
function modulesOf(
  layers: number,
  experts: number,
  settingOf: (name: string) => Omit<WrittenModule, "name">,
): WrittenModule[] {
  const names = ["lm_head"];
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    names.push(
      ...["q", "k", "v", "o"].map((name) => `${at}.self_attn.${name}_proj`),
      `${at}.mlp.gate`,
      `${at}.mlp.shared_expert_gate`,
    );
    for (const name of ["gate_proj", "up_proj", "down_proj"]) {
      names.push(`${at}.mlp.shared_expert.${name}`);
      for (let expert = 0; expert < experts; expert++) names.push(`${at}.mlp.experts.${expert}.${name}`);
    }
  }
  return names.map((name) => ({ name, ...settingOf(name) }));
}

const base = { bits: 4, groupSize: 64, symmetric: true } as const;
const resolved = (modules: readonly WrittenModule[], rules: JsonObject) => {
  const config = parse({ bits: 4, group_size: 64, dynamic: rules });
  return modules.map(({ name }) => ({ name, setting: resolveModule(config, name) }));
};
const wanted = (modules: readonly WrittenModule[]) =>
  modules.map(({ name, bits, groupSize, symmetric }) => ({
    name,
    setting: bits === 16 ? "float" : { bits, groupSize, symmetric: symmetric ?? true },
  }));

describe("dynamicRules", () => {
  it("gives back exactly each module's setting, drawn at random", () => {
    const random = mulberry32(3);
    const pick = <T>(choices: readonly T[]) => choices[Math.floor(random() * choices.length)];
    for (const experts of [4, 11, 60]) {
      const modules = modulesOf(3, experts, () => ({
        bits: pick([2, 3, 4, 8, 16]),
        groupSize: pick([32, 64, -1]),
        symmetric: pick([undefined, false]),
      }));
      expect(resolved(modules, dynamicRules(modules, base))).toEqual(wanted(modules));
    }
  });

  it("needs few rules for many modules: attention 8, router float, every tenth expert's down 3", () => {
    const modules = modulesOf(12, 128, (name) =>
      name.includes("self_attn")
        ? { bits: 8, groupSize: 32 }
        : /gate$|head/.test(name)
          ? { bits: 16, groupSize: 64 }
          : /experts\.\d*0\.down/.test(name)
            ? { bits: 3, groupSize: 64 }
            : { bits: 4, groupSize: 64 },
    );
    const rules = dynamicRules(modules, base);
    const layers = "(0|1|2|3|4|5|6|7|8|9|10|11)";
    expect(Object.entries(rules)).toEqual([
      [`-:^model\\.layers\\.${layers}\\.mlp\\.(gate|shared_expert_gate)$`, {}],
      [
        `+:^model\\.layers\\.${layers}\\.self_attn\\.(q_proj|k_proj|v_proj|o_proj|qkv_proj)$`,
        { bits: 8, group_size: 32 },
      ],
      [
        `+:^model\\.layers\\.${layers}\\.mlp\\.experts\\.(0|10|20|30|40|50|60|70|80|90|100|110|120)\\.down_proj$`,
        { bits: 3, group_size: 64 },
      ],
    ]);
    expect(resolved(modules, rules)).toEqual(wanted(modules));
  });

  it("names what other readers fuse where a rule covers all of its parts", () => {
    const modules = modulesOf(2, 3, (name) => ({ bits: name.includes("layers.1.") ? 8 : 4, groupSize: 64 }));
    const rules = dynamicRules(modules, base);
    const config = parse({ bits: 4, group_size: 64, dynamic: rules });
    for (const fused of ["self_attn.qkv_proj", "mlp.shared_expert.gate_up_proj", "mlp.experts"]) {
      expect(resolveModule(config, `model.layers.1.${fused}`)).toMatchObject({ bits: 8 });
      expect(resolveModule(config, `model.layers.0.${fused}`)).toMatchObject({ bits: 4 });
    }
    expect(resolved(modules, rules)).toEqual(wanted(modules));
  });

  it("gives no rules where nothing differs", () => {
    expect(dynamicRules([{ name: "model.layers.0.mlp.up_proj", bits: 4, groupSize: 64 }], base)).toEqual({});
  });

  it("stays within what a careful reader compiles: 512 experts, each second one different", () => {
    const modules = modulesOf(2, 512, (name) => ({
      bits: Number(/experts\.(\d+)/.exec(name)?.[1] ?? 1) % 2 === 0 ? 2 : 4,
      groupSize: 64,
    }));
    expect(resolved(modules, dynamicRules(modules, base))).toEqual(wanted(modules));
  });

  it("rejects a module that comes twice", () => {
    const module = { name: "a", bits: 4, groupSize: 64 } as const;
    expect(() => dynamicRules([module, module], base)).toThrow("modules: found a twice");
  });
});

describe("rules that cost too much", () => {
  const lookaheads = (count: number) => ({
    bits: 4,
    dynamic: { [`+:${"(?!.*x.*y.*z)".repeat(count)}q`]: { bits: 8 } },
  });

  it("are refused by the pattern's name where hundreds of lookaheads meet thousands of modules", () => {
    const config = parse(lookaheads(350));
    const askAll = () => {
      for (let index = 0; index < 5000; index++)
        resolveModule(config, `model.layers.${index}.mlp.experts.x.y.down_proj`);
    };
    expect(askAll).toThrow(UnsupportedError);
    expect(askAll).toThrow(/q\.json: dynamic\["\+:\(\?!.*found patterns of more than \d+ steps/);
  });

  it("still answer the same for a module asked before, and for few lookaheads", () => {
    const config = parse(lookaheads(3));
    for (let round = 0; round < 3; round++)
      for (let index = 0; index < 1000; index++) expect(resolveModule(config, `q.${index}`)).toMatchObject({ bits: 8 });
  });

  it("are refused before all are compiled", () => {
    const rules = Array.from({ length: 200 }, (_, index) => [`+:(.*x${index}){500}`, {}]);
    expect(() => parse({ bits: 4, dynamic: Object.fromEntries(rules) })).toThrow(/states in total up to this one/);
  });
});

describe("writeGptqConfig", () => {
  it("writes both spellings, who wrote it, and what parseGptqConfig reads back", () => {
    const modules = [
      { name: "lm_head", bits: 8, groupSize: 32 },
      { name: "model.layers.0.mlp.gate", bits: 16, groupSize: 64 },
    ] as const;
    const json = writeGptqConfig({
      ...base,
      modules,
      descAct: false,
      version: "gptq_v2",
      engineVersion: "1.2.3",
      meta: { damp_percent: 0.01 },
    });
    expect(json).toEqual({
      ...{ bits: 4, group_size: 64, desc_act: false, sym: true, lm_head: true, pack_dtype: "int32" },
      ...{ method: "gptq", quant_method: "gptq", format: "gptq_v2", checkpoint_format: "gptq_v2" },
      dynamic: { "-:^model\\.layers\\.0\\.mlp\\.gate$": {}, lm_head: { bits: 8, group_size: 32 } },
      meta: { quantizer: ["quern:1.2.3"], damp_percent: 0.01 },
    });
    const config = parse(json);
    expect(config).toMatchObject({ ...base, version: "gptq_v2", lmHead: true });
    expect(resolveModule(config, "lm_head")).toEqual({ bits: 8, groupSize: 32, symmetric: true });
    expect(resolveModule(config, "model.layers.0.mlp.gate")).toBe("float");
  });
});
