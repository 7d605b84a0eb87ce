/** Writes a small model folder of the fixtures as a GGUF file, by the names that llama.cpp's converter gives. Weights keep their types. */
import { readFileSync } from "node:fs";
import { type GgufTensor, type GgufValue, ggufBytes } from "./gguf.ts";

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

interface Tensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const TYPES: Readonly<Record<string, number>> = { F32: 0, F16: 1, BF16: 30, MXFP4: 39 };

const OUTER: Readonly<Record<string, string>> = {
  "model.embed_tokens.weight": "token_embd.weight",
  "model.norm.weight": "output_norm.weight",
  "model.embedding_norm.weight": "token_embd_norm.weight",
  "lm_head.weight": "output.weight",
};

/** Endings of names in a layer, tried in order. */
const INNER: readonly (readonly [RegExp, string])[] = [
  [/^(?:input_layernorm|operator_norm)\./, "attn_norm."],
  [/^ffn_norm\./, "ffn_norm."],
  [/^self_attn\.([qkv])_proj\./, "attn_$1."],
  [/^self_attn\.(?:o|out)_proj\./, "attn_output."],
  [/^self_attn\.([qk])_(?:norm|layernorm)\./, "attn_$1_norm."],
  [/^self_attn\.q_(a|b)_proj\./, "attn_q_$1."],
  [/^self_attn\.q_a_layernorm\./, "attn_q_a_norm."],
  [/^self_attn\.kv_a_proj_with_mqa\./, "attn_kv_a_mqa."],
  [/^self_attn\.kv_a_layernorm\./, "attn_kv_a_norm."],
  [/^self_attn\.kv_b_proj\./, "attn_kv_b."],
  [/^self_attn\.sinks$/, "attn_sinks.weight"],
  [/^(?:mlp\.gate|mlp\.moe_statics)\.e_score_correction_bias$|^feed_forward\.expert_bias$/, "exp_probs_b.bias"],
  [/^(?:mlp\.gate|mlp\.router|feed_forward\.gate)\./, "ffn_gate_inp."],
  [/^conv\.(in_proj|out_proj|conv)\./, "shortconv.$1."],
  [/^mlp\.shared_experts\.(gate|up|down)_proj\./, "ffn_$1_shexp."],
  [/^mlp\.(gate|up|down)_proj\./, "ffn_$1."],
  [/^feed_forward\.w1\./, "ffn_gate."],
  [/^feed_forward\.w3\./, "ffn_up."],
  [/^feed_forward\.w2\./, "ffn_down."],
];

function readTensors(path: string): Map<string, Tensor> {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start)) as Record<string, HeaderEntry>;
  const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        return [name, { dtype, shape, bytes: Uint8Array.from(bytes.subarray(start + from, start + to)) }];
      },
    ),
  );
}

/** What the file calls the norm before the MLP, and how it stores keys and values of latent attention. */
export interface FileForm {
  readonly mlpNorm?: "ffn_norm" | "post_attention_norm";
  readonly splitHeads?: { readonly heads: number; readonly plain: number };
}

export function ggufOfFolder(
  folder: string,
  keys: Readonly<Record<string, GgufValue>>,
  { mlpNorm = "ffn_norm", splitHeads }: FileForm = {},
): Uint8Array {
  const source = readTensors(`${folder}/model.safetensors`);
  const layers = (JSON.parse(readFileSync(`${folder}/config.json`, "utf8")) as { num_hidden_layers: number })
    .num_hidden_layers;
  const tensors: GgufTensor[] = [];
  const add = (name: string, { dtype, shape, bytes }: Tensor) => {
    const sizes = shape.filter((size, axis) => size !== 1 || axis === shape.length - 1).toReversed();
    tensors.push({ name, sizes, type: TYPES[dtype], bytes });
  };
  for (const [name, tensor] of stacked(source)) {
    const [, layer, rest] = /^model\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
    if (layer === undefined) add(OUTER[name], tensor);
    else if (Number(layer) < layers) {
      const renamed = /^post_attention_layernorm\./.test(rest)
        ? rest.replace("post_attention_layernorm", mlpNorm)
        : INNER.reduce((found, [from, to]) => (found === rest ? rest.replace(from, to) : found), rest);
      add(`blk.${layer}.${renamed}`, tensor);
    }
  }
  return ggufBytes({
    keys,
    tensors: splitHeads === undefined ? tensors : tensors.flatMap((each) => split(each, splitHeads)),
  });
}

/** attn_kv_b as attn_k_b, each head turned round, and attn_v_b; weights have 16 bits. */
function split(tensor: GgufTensor, { heads, plain }: { heads: number; plain: number }): readonly GgufTensor[] {
  if (!tensor.name.endsWith("attn_kv_b.weight")) return [tensor];
  const [rank, rows] = tensor.sizes;
  const width = rows / heads - plain;
  const words = new Uint16Array(tensor.bytes.buffer, tensor.bytes.byteOffset, rows * rank);
  const [turned, values] = [new Uint16Array(heads * plain * rank), new Uint16Array(heads * width * rank)];
  for (let head = 0; head < heads; head++) {
    const from = head * (plain + width) * rank;
    for (let n = 0; n < plain; n++)
      for (let r = 0; r < rank; r++) turned[(head * rank + r) * plain + n] = words[from + n * rank + r];
    values.set(words.subarray(from + plain * rank, from + (plain + width) * rank), head * width * rank);
  }
  const part = (letter: string, sizes: readonly number[], data: Uint16Array) => ({
    ...{ name: tensor.name.replace("kv_b", `${letter}_b`), sizes, type: tensor.type },
    bytes: new Uint8Array(data.buffer),
  });
  return [part("k", [plain, rank, heads], turned), part("v", [rank, width, heads], values)];
}

/** Experts in one tensor each for gate, up and down; tensors of gpt-oss with their rows and codes in the order of GGUF. */
function stacked(source: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  const made = new Map<string, Tensor>();
  const banks = new Map<string, Tensor[]>();
  for (const [name, tensor] of source) {
    const expert = /^(model\.layers\.\d+\.)(?:mlp|feed_forward)\.experts\.(\d+)\.(\w+)\.weight$/.exec(name);
    const fused = /^(model\.layers\.\d+\.)mlp\.experts\.(gate_up|down)_proj_(blocks|bias)$/.exec(name);
    if (expert !== null) {
      const part = { gate_proj: "gate", w1: "gate", up_proj: "up", w3: "up", down_proj: "down", w2: "down" }[expert[3]];
      const bank = `${expert[1]}ffn_${part}_exps.weight`;
      const known = banks.get(bank) ?? [];
      known[Number(expert[2])] = tensor;
      banks.set(bank, known);
    } else if (fused !== null) for (const [ending, part] of fusedParts(source, name, fused)) made.set(ending, part);
    else if (!name.endsWith("_scales")) made.set(name, tensor);
  }
  for (const [name, experts] of banks) {
    const { dtype, shape } = experts[0];
    const bytes = new Uint8Array(Buffer.concat(experts.map((each) => each.bytes)));
    made.set(name, { dtype, shape: [experts.length, ...shape], bytes });
  }
  return made;
}

/** Rows of gate and up alternate in gpt-oss's own files, and a byte of a block holds two neighbours. */
function fusedParts(
  source: ReadonlyMap<string, Tensor>,
  name: string,
  [, layer, bank, kind]: RegExpExecArray,
): readonly (readonly [string, Tensor])[] {
  const tensor = source.get(name)!;
  const [experts, rows, blocks = 1] = tensor.shape;
  const parts = bank === "gate_up" ? ["gate", "up"] : ["down"];
  return parts.map((part, offset) => {
    const wanted = Array.from({ length: (experts * rows) / parts.length }, (_, row) => row * parts.length + offset);
    if (kind === "bias") {
      const bytes = new Uint8Array(Buffer.concat(wanted.map((row) => tensor.bytes.subarray(2 * row, 2 * row + 2))));
      return [`${layer}ffn_${part}_exps.bias`, { dtype: tensor.dtype, shape: [experts, rows / parts.length], bytes }];
    }
    const scales = source.get(name.replace("_blocks", "_scales"))!.bytes;
    const packed = wanted
      .flatMap((row) => Array.from({ length: blocks }, (_, b) => row * blocks + b))
      .map((block) => {
        const codes = [...tensor.bytes.subarray(16 * block, 16 * block + 16)].flatMap((byte) => [byte & 15, byte >> 4]);
        return Uint8Array.of(scales[block], ...codes.slice(0, 16).map((code, j) => code | (codes[j + 16] << 4)));
      });
    const shape = [experts, rows / parts.length, 32 * blocks];
    return [`${layer}ffn_${part}_exps.weight`, { dtype: "MXFP4", shape, bytes: new Uint8Array(Buffer.concat(packed)) }];
  });
}
