/** Model folders: weights, shards and their index, GPTQ tensors and settings, configurations. */
import { readAll } from "../../../src/files/source.ts";
import { packedFolders } from "../../helpers/packed-folder.ts";
import { type Area, filesOf, type Input, jsonOf, runModel } from "../area.ts";
import type { Dice } from "../dice.ts";
import { damageJson, type Extras } from "../json.ts";
import { damageTensors } from "../tensors.ts";

const FLOAT = ["test/fixtures/families/mixtral-window-bf16", "test/fixtures/families/deepseek-f16"];
/** A folder of each family that has one in the repository. */
const FAMILIES = [
  "qwen2_moe-shards-f16",
  "qwen3_moe-fused-f32",
  "olmoe-clip-bf16",
  "qwen3-f32",
  "llama-rope3-bf16",
  ...[
    "lfm2_moe-bf16",
    "gpt_oss-mxfp4",
    "deepseek_v2-groups-bf16",
    "deepseek_v3-bf16",
    "ernie4_5_moe-bf16",
    "glm4_moe-bf16",
  ],
].map((name) => `test/fixtures/families/${name}`);
/** Tensors that other families do not have: MXFP4 blocks, filters, sinks, biases of routers. */
const LATER = ["gpt_oss-mxfp4", "lfm2_moe-bf16", "deepseek_v3-bf16"].map((name) => `test/fixtures/families/${name}`);
const PACKED = "test/fixtures/gptq-checkpoints/mixtral-b4-g64";
const SHARDED = "test/fixtures/gptq-checkpoints/mixtral-b3-g128-sharded";
const INDEX = "model.safetensors.index.json";

/** Patterns of `dynamic` rules, from plain to hostile. */
const RULES: Extras = {
  texts: [
    ...[
      "+:^model\\.layers\\.0\\.",
      "-:.*",
      "-:lm_head",
      "lm_head",
      "+:model\\.embed_tokens",
      "+:(?!.*x).*",
      "+:(a+)+$",
      "(.*)*x",
      "+:[",
      "-:(",
      "gptq_v2",
      "marlin",
    ],
    `+:${"(?!.*x.*y)".repeat(400)}q`,
    `+:${"(?=(.*.*)*z)".repeat(30)}`,
    `-:(${"a|".repeat(900)}b)*$`,
  ],
  numbers: [3, 4, 8, 32, 96, 128],
};
const NAMES: Extras = {
  texts: [
    "model.safetensors",
    "model-00001-of-00003.safetensors",
    "/etc/passwd",
    "..",
    "a/b.safetensors",
    "lm_head.weight",
    "lm_head.qweight",
    "model.embed_tokens.qweight",
  ],
};
const FIELDS: Extras = {
  texts: [
    ...["mixtral", "deepseek", "qwen2_moe", "qwen3_moe", "olmoe", "granitemoe", "granitemoeshared", "llama", "qwen3"],
    ...[
      "lfm2_moe",
      "gpt_oss",
      "deepseek_v2",
      "deepseek_v3",
      "ernie4_5_moe",
      "glm4_moe",
      "conv",
      "group_limited_greedy",
    ],
    ...["silu", "softmax", "linear", "dynamic", "llama3", "yarn", "full_attention", "sliding_attention"],
  ],
  numbers: [16_384, 4096, 1e-6, 1e300],
};

/** Texts for a configuration that ties the head, or does not. */
const TIES: Extras = { texts: ["tie_word_embeddings", "vocab_size"], numbers: [320, 321, 64] };

interface Change {
  readonly file: string;
  damage(bytes: Uint8Array, dice: Dice): Uint8Array;
}

/** Takes one of the folders and damages one of its files. */
function modelArea(models: readonly Input[], changes: readonly Change[]): Area {
  return {
    make(dice) {
      const files = dice.pick(models);
      const { file, damage } = dice.pick(changes);
      return { ...files, [file]: damage(files[file], dice) };
    },
    run: runModel,
  };
}

const tensors = (file: string): Change => ({ file, damage: (bytes, dice) => damageTensors(bytes, dice, NAMES) });
const json = (file: string, extras: Extras): Change => ({
  file,
  damage: (bytes, dice) => damageJson(jsonOf(bytes), dice, extras),
});

/** A rule of the dice's own among the settings, so that patterns are met often. */
const rules: Change = {
  file: "quantize_config.json",
  damage(bytes, dice) {
    const settings = jsonOf(bytes) as Record<string, unknown>;
    const dynamic: Record<string, unknown> = {};
    for (let count = dice.chance(0.005) ? 2000 : dice.below(4); count >= 0; count--)
      dynamic[`${dice.pick(RULES.texts ?? [])}${count > 4 ? count : ""}`] = {
        bits: dice.pick([2, 3, 4, 8]),
        group_size: dice.pick([-1, 32, 64]),
      };
    return damageJson({ ...settings, dynamic }, dice, RULES);
  },
};

/** A folder whose head and embedding are packed. */
async function packedHead(): Promise<Input> {
  const packings = {
    lm_head: { bits: 4, groupSize: 64 },
    "model.embed_tokens": { bits: 8, groupSize: 32 },
    "model.layers.0.self_attn.q_proj": { bits: 3, groupSize: 32, scattered: true },
  } as const;
  const { packed } = await packedFolders(FLOAT[1], { packings });
  const files: Record<string, Uint8Array> = {};
  for (const name of await packed.list()) files[name] = await readAll((await packed.open(name))!, 1 << 24);
  return files;
}

export const safetensors = async (): Promise<Area> =>
  modelArea([...FLOAT, ...LATER].map(filesOf), [tensors("model.safetensors")]);
export const config = async (): Promise<Area> =>
  modelArea([...FLOAT, ...FAMILIES].map(filesOf), [json("config.json", FIELDS)]);
export const gptq = async (): Promise<Area> =>
  modelArea(
    [filesOf(PACKED), await packedHead()],
    [tensors("model.safetensors"), json("quantize_config.json", RULES), rules, json("config.json", TIES)],
  );
export const shards = async (): Promise<Area> =>
  modelArea([filesOf(SHARDED)], [json(INDEX, NAMES), json(INDEX, NAMES), tensors("model-00002-of-00003.safetensors")]);
