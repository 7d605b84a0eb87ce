/** GGUF files: damaged keys and tensors in a header that is otherwise well-formed, damaged bytes of the header, damaged numbers. */
import { filesFolder } from "../../../src/files/source.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { type GgufTensor, type GgufValue, ggufBytes, text, texts, u32 } from "../../helpers/gguf.ts";
import { ARCHITECTURES, tinyKeys, tinyTensors } from "../../helpers/gguf-model.ts";
import { type Area, runModel } from "../area.ts";
import { damageBytes, joined } from "../bytes.ts";
import type { Dice } from "../dice.ts";

const TYPES = ["Q4_0", "Q8_0", "Q5_1", "Q3_K", "Q4_K", "Q6_K", "MXFP4"] as const;
const NUMBERS = [0, 1, 2, 3, 5, 64, 255, 256, 4096, 65_536, 2 ** 24, 2 ** 31 - 1, 2 ** 32 - 1];
const FLOATS = [0, -1, 1e-30, 1e30, Number.NaN, Number.POSITIVE_INFINITY];
const WORDS = [
  "",
  "llama",
  "qwen3moe",
  "deepseek",
  "gpt2",
  "yarn",
  "linear",
  "none",
  "\u0000",
  "__proto__",
  "a".repeat(300),
];
const MORE_KEYS = [
  "attention.sliding_window",
  "rope.scaling.type",
  "rope.scaling.factor",
  "attention.key_length",
  "expert_weights_norm",
];
const TOKENS = [..."abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ab", "<end>"];
const TOKENIZER: Readonly<Record<string, GgufValue>> = {
  "tokenizer.ggml.model": text("gpt2"),
  "tokenizer.ggml.pre": text("gpt-2"),
  "tokenizer.ggml.tokens": texts(TOKENS),
  "tokenizer.ggml.token_type": { type: "array", of: "i32", values: TOKENS.map((token) => (token === "<end>" ? 3 : 1)) },
  "tokenizer.ggml.merges": texts(["a b"]),
  "tokenizer.ggml.eos_token_id": u32(63),
};

function anyValue(dice: Dice): GgufValue {
  const kind = dice.below(6);
  if (kind === 0) return text(dice.pick(WORDS));
  if (kind === 1) return { type: "f32", value: dice.pick(FLOATS) };
  if (kind === 2) return { type: "bool", value: dice.chance(0.5) };
  if (kind === 3) return texts(Array.from({ length: dice.below(4) }, () => dice.pick(WORDS)));
  if (kind === 4)
    return { type: "array", of: "u32", values: Array.from({ length: dice.below(4) }, () => dice.pick(NUMBERS)) };
  return u32(dice.pick(NUMBERS));
}

function damagedKeys(keys: Readonly<Record<string, GgufValue>>, dice: Dice): Readonly<Record<string, GgufValue>> {
  const changed: Record<string, GgufValue> = { ...keys };
  const prefix = (keys["general.architecture"] as { value: string }).value;
  for (let count = 1 + dice.below(2); count > 0; count--) {
    const names = [...Object.keys(keys), ...MORE_KEYS.map((key) => `${prefix}.${key}`), "general.alignment"];
    const name = dice.pick(names);
    if (dice.chance(0.2)) delete changed[name];
    else changed[name] = anyValue(dice);
  }
  return changed;
}

function damagedTensors(tensors: readonly GgufTensor[], dice: Dice): readonly GgufTensor[] {
  const at = dice.below(tensors.length);
  const tensor = tensors[at];
  const changes: readonly (() => readonly GgufTensor[])[] = [
    () => tensors.toSpliced(at, 1),
    () => tensors.toSpliced(at, 1, { ...tensor, name: dice.pick(tensors).name }),
    () =>
      tensors.toSpliced(at, 1, { ...tensor, name: dice.pick([...WORDS, "blk.9.attn_q.weight", "rope_freqs.weight"]) }),
    () => tensors.toSpliced(at, 1, { ...tensor, type: dice.below(42) }),
    () => tensors.toSpliced(at, 1, { ...tensor, sizes: tensor.sizes.toReversed() }),
    () =>
      tensors.toSpliced(at, 1, {
        ...tensor,
        sizes: tensor.sizes.map((size) => (dice.chance(0.5) ? size : dice.pick(NUMBERS))),
      }),
    () => tensors.toSpliced(at, 1, { ...tensor, bytes: damageBytes(tensor.bytes, dice) }),
  ];
  return dice.pick(changes)();
}

export async function gguf(): Promise<Area> {
  const seeds = ARCHITECTURES.flatMap((each) => TYPES.map((type) => ({ each, type })));
  return {
    make(dice) {
      const { each, type } = dice.pick(seeds);
      const keys = { ...tinyKeys(each), ...TOKENIZER };
      const tensors = tinyTensors(each, type);
      const kind = dice.below(10);
      if (kind < 4) return { "m.gguf": ggufBytes({ keys: damagedKeys(keys, dice), tensors }) };
      if (kind < 7) return { "m.gguf": ggufBytes({ keys, tensors: damagedTensors(tensors, dice) }) };
      const bytes = ggufBytes({ keys, tensors });
      const header = bytes.length - tensors.reduce((sum, tensor) => sum + Math.ceil(tensor.bytes.length / 32) * 32, 0);
      return { "m.gguf": joined(damageBytes(bytes.slice(0, header), dice), bytes.subarray(header)) };
    },
    async run(input) {
      const files = await readModelFiles(filesFolder("fuzz", input));
      await files.index.close();
      (await files.text.tokenizer.read())?.encode("abba");
      await runModel(input);
    },
  };
}
