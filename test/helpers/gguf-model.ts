/** Makes tiny GGUF models of each architecture for tests, with seeded weights: floats, or any blocks of a quantised type. */
import { type TwinType, TYPES } from "../reference/gguf-blocks.ts";
import { f32, type GgufTensor, type GgufValue, ggufBytes, text, u32 } from "./gguf.ts";
import { randomBlocks } from "./gguf-blocks.ts";
import { gaussians } from "./random.ts";

export const ARCHITECTURES = [
  ...(["llama", "mixtral", "olmoe", "qwen2moe", "qwen3moe", "deepseek", "granitemoe", "qwen2", "qwen3"] as const),
];
export type TinyArchitecture = (typeof ARCHITECTURES)[number];

/** Rows are multiples of 256 columns where K types must fit, and the model is as small as that allows. */
const D = 256;
const SIZES = { heads: 4, kvHeads: 2, headDim: 64, experts: 4, topK: 2, width: 256, vocab: 64, layers: 2 };

export interface TinyOptions {
  readonly type?: TwinType | "F32";
  readonly keys?: Readonly<Record<string, GgufValue>>;
  readonly tensors?: readonly GgufTensor[];
}

/** The keys of a tiny model. */
export function tinyKeys(architecture: TinyArchitecture): Readonly<Record<string, GgufValue>> {
  const prefix = architecture === "mixtral" ? "llama" : architecture;
  const { heads, kvHeads, experts, topK, width, layers } = SIZES;
  const isMoe = !["llama", "qwen2", "qwen3"].includes(architecture);
  const own: Readonly<Partial<Record<TinyArchitecture, Readonly<Record<string, GgufValue>>>>> = {
    qwen2moe: { expert_feed_forward_length: u32(width), expert_shared_feed_forward_length: u32(width) },
    qwen3moe: { expert_feed_forward_length: u32(width) },
    deepseek: {
      ...{ expert_feed_forward_length: u32(width), expert_shared_count: u32(1), leading_dense_block_count: u32(1) },
      expert_weights_scale: f32(1),
    },
    granitemoe: {
      ...{ logit_scale: f32(0.5), residual_scale: f32(0.75), embedding_scale: f32(4), "attention.scale": f32(0.0625) },
    },
  };
  const keys: Readonly<Record<string, GgufValue>> = {
    ...{ context_length: u32(512), embedding_length: u32(D), block_count: u32(layers) },
    ...{ feed_forward_length: u32(width), "attention.head_count": u32(heads), "attention.head_count_kv": u32(kvHeads) },
    ...{
      "attention.layer_norm_rms_epsilon": f32(1e-5),
      "rope.freq_base": f32(10_000),
      "rope.dimension_count": u32(64),
    },
    ...(isMoe ? { expert_count: u32(experts), expert_used_count: u32(topK) } : {}),
    ...own[architecture],
  };
  const prefixed = Object.entries(keys).map(([key, value]) => [`${prefix}.${key}`, value] as const);
  return { "general.architecture": text(prefix), ...Object.fromEntries(prefixed) };
}

/** The tensors of a tiny model. */
export function tinyTensors(architecture: TinyArchitecture, type: TwinType | "F32"): readonly GgufTensor[] {
  const { heads, kvHeads, headDim, experts, width, vocab, layers } = SIZES;
  const isMoe = !["llama", "qwen2", "qwen3"].includes(architecture);
  const made: GgufTensor[] = [];
  const matrix = (name: string, sizes: readonly number[], size = 1) => made.push(weights(name, sizes, type, size));
  const vector = (name: string, length: number, base = 1) => made.push(floats(name, [length], 0.1, base));
  const mlp = (
    b: string,
    ending: string,
    sizes: (cols: number, rows: number) => readonly number[],
    columns = width,
  ) => {
    for (const part of ["gate", "up"]) matrix(`${b}ffn_${part}${ending}.weight`, sizes(D, columns), 2);
    matrix(`${b}ffn_down${ending}.weight`, sizes(columns, D), 2);
  };
  matrix("token_embd.weight", [D, vocab], 16);
  for (let layer = 0; layer < layers; layer++) {
    const b = `blk.${layer}.`;
    vector(`${b}attn_norm.weight`, D);
    vector(`${b}ffn_norm.weight`, D);
    const rows = { q: heads * headDim, k: kvHeads * headDim, v: kvHeads * headDim };
    for (const [part, count] of Object.entries(rows)) {
      matrix(`${b}attn_${part}.weight`, [D, count]);
      if (architecture === "qwen2moe" || architecture === "qwen2") vector(`${b}attn_${part}.bias`, count, 0);
    }
    matrix(`${b}attn_output.weight`, [heads * headDim, D]);
    const normed = architecture === "olmoe" ? rows : { q: headDim, k: headDim };
    if (["olmoe", "qwen3moe", "qwen3"].includes(architecture))
      for (const part of ["q", "k"] as const) vector(`${b}attn_${part}_norm.weight`, normed[part]);
    if (!isMoe || (architecture === "deepseek" && layer === 0)) {
      mlp(b, "", (cols, count) => [cols, count]);
      continue;
    }
    made.push(floats(`${b}ffn_gate_inp.weight`, [D, experts], 2 / Math.sqrt(D)));
    mlp(b, "_exps", (cols, count) => [cols, count, experts]);
    if (architecture === "qwen2moe" || architecture === "deepseek") mlp(b, "_shexp", (cols, count) => [cols, count]);
    if (architecture === "qwen2moe") made.push(floats(`${b}ffn_gate_inp_shexp.weight`, [D], 1 / Math.sqrt(D)));
  }
  vector("output_norm.weight", D);
  if (architecture !== "granitemoe") matrix("output.weight", [D, vocab], 4);
  return made;
}

/** The bytes of a tiny model. Keys and tensors of the options replace those of the same name, and are added otherwise. */
export function tinyGguf(architecture: TinyArchitecture, options: TinyOptions = {}): Uint8Array {
  const { type = "F32", keys = {}, tensors = [] } = options;
  const replaced = new Set(tensors.map(({ name }) => name));
  const kept = tinyTensors(architecture, type).filter(({ name }) => !replaced.has(name));
  return ggufBytes({ keys: { ...tinyKeys(architecture), ...keys }, tensors: [...kept, ...tensors] });
}

export function floats(name: string, sizes: readonly number[], scale: number, base: number = 0): GgufTensor {
  const count = sizes.reduce((product, size) => product * size, 1);
  const values = gaussians(count, seedOf(name)).map((value) => base + scale * value);
  return { name, sizes, type: 0, bytes: new Uint8Array(values.buffer) };
}

function weights(name: string, sizes: readonly number[], type: TwinType | "F32", size: number): GgufTensor {
  const scale = size / Math.sqrt(sizes[0]);
  if (type === "F32") return floats(name, sizes, scale);
  const count = sizes.reduce((product, each) => product * each, 1);
  return { name, sizes, type: TYPES[type].id, bytes: randomBlocks(type, count, seedOf(name), 2 * scale) };
}

function seedOf(name: string): number {
  return [...name].reduce((seed, letter) => (seed * 31 + letter.charCodeAt(0)) >>> 0, 7);
}
