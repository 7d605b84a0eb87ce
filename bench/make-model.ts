/**
 * `npm run bench -- make-model`: writes the model folder OUT (`-- make-model OUT`) of a given shape with random weights, for measurements at
 * true size. `--shape olmoe` (7 G parameters, 64 experts, 8 a token; default), `deepseek-16b`, `mixtral-8x7b` or `small`; `--bits 16` (bf16, default) or 2, 3,
 * 4, 8 (a GPTQ checkpoint in groups of 64); `--layers N` for fewer layers; `--uneven 0` (routing as random weights give it) to 3 (few experts get
 * most tokens); `--seed 0`.
 *
 * The weights of each tensor are a part of one pool of random numbers, so that the disk is what takes time. Only the pool is in memory. The
 * folder gets its name when it is whole.
 */
import { parseArgs } from "node:util";
import { nodeOutput } from "../src/adapter/node-output.ts";
import { createRandom } from "../src/base/random.ts";
import { encodeHeader, type TensorToWrite, writeSafetensors } from "../src/format/safetensors-writer.ts";
import { readModelConfig } from "../src/model/config/families/index.ts";
import { modelLinears } from "../src/model/weights/linears.ts";
import { modelVectors } from "../src/model/weights/vectors.ts";
import { isPackable, type LinearShape } from "../src/tensor/linear-shape.ts";

const MIXTRAL = {
  model_type: "mixtral",
  rms_norm_eps: 1e-5,
  rope_theta: 1e6,
  hidden_act: "silu",
  sliding_window: null,
};
const SHAPES: Readonly<Record<string, Readonly<Record<string, string | number | boolean | null>>>> = {
  small: {
    ...{ ...MIXTRAL, vocab_size: 1024, hidden_size: 256, intermediate_size: 256, num_hidden_layers: 4 },
    ...{ num_attention_heads: 4, num_key_value_heads: 4, num_local_experts: 16, num_experts_per_tok: 4 },
    ...{ max_position_embeddings: 512, tie_word_embeddings: false },
  },
  olmoe: {
    ...{ ...MIXTRAL, vocab_size: 50304, hidden_size: 2048, intermediate_size: 1024, num_hidden_layers: 16 },
    ...{ num_attention_heads: 16, num_key_value_heads: 16, num_local_experts: 64, num_experts_per_tok: 8 },
    ...{ max_position_embeddings: 4096, tie_word_embeddings: false },
  },
  "deepseek-16b": {
    ...{ model_type: "deepseek", vocab_size: 102400, hidden_size: 2048, intermediate_size: 10944, hidden_act: "silu" },
    ...{ moe_intermediate_size: 1408, num_hidden_layers: 28, num_attention_heads: 16, num_key_value_heads: 16 },
    ...{
      n_shared_experts: 2,
      n_routed_experts: 64,
      num_experts_per_tok: 6,
      moe_layer_freq: 1,
      first_k_dense_replace: 1,
    },
    ...{ norm_topk_prob: false, scoring_func: "softmax", attention_bias: false, rms_norm_eps: 1e-6, rope_theta: 1e4 },
    ...{ rope_scaling: null, max_position_embeddings: 4096, tie_word_embeddings: false },
  },
  "mixtral-8x7b": {
    ...{ ...MIXTRAL, vocab_size: 32000, hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32 },
    ...{ num_attention_heads: 32, num_key_value_heads: 8, num_local_experts: 8, num_experts_per_tok: 2 },
    ...{ max_position_embeddings: 32768, tie_word_embeddings: false },
  },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: "string", default: "olmoe" },
    bits: { type: "string", default: "16" },
    layers: { type: "string" },
    uneven: { type: "string", default: "0" },
    seed: { type: "string", default: "0" },
  },
});
const [out] = positionals;
const shape = SHAPES[values.shape];
const bits = Number(values.bits);
if (out === undefined) throw new Error("OUT: found nothing, expected the folder to write");
if (shape === undefined)
  throw new Error(`--shape: found ${values.shape}, expected one of ${Object.keys(SHAPES).join(", ")}`);
if (![2, 3, 4, 8, 16].includes(bits)) throw new Error(`--bits: found ${values.bits}, expected 2, 3, 4, 8 or 16`);

const GROUP = 64;
const SHARD_BYTES = 2e9;
/** Parts of a pool begin at multiples of this, where a word of codes of any width begins. */
const STEP_BYTES = 48;
const POOL_BYTES = STEP_BYTES * 349_440;
const quantization = {
  ...{ bits, group_size: GROUP, desc_act: false, sym: true, lm_head: false, quant_method: "gptq" },
  ...{ checkpoint_format: "gptq", pack_dtype: "int32" },
};
const json = {
  ...shape,
  ...(values.layers !== undefined && { num_hidden_layers: Number(values.layers) }),
  ...{ torch_dtype: "bfloat16", bos_token_id: 0, eos_token_id: 0 },
  ...(bits < 16 && { quantization_config: quantization }),
};
const { family, config } = readModelConfig(json, "config.json");
const names = family.names.hub;
const random = createRandom(Number(values.seed));

/** Sums of four random bytes as bf16 numbers, which are nearly normal with standard deviation 1. */
const words = Uint32Array.from({ length: POOL_BYTES / 2 }, () => random.next() * 2 ** 32);
const BYTE_DEVIATION = Math.sqrt(4 * ((256 * 256 - 1) / 12));
const normal = bf16(
  Float32Array.from(words, (word) => {
    const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
    return (sum - 510) / BYTE_DEVIATION;
  }),
);

function bf16(floats: Float32Array): Uint16Array {
  return new Uint16Array(floats.buffer).filter((_, at) => at % 2 === 1);
}

/**
 * Codes whose mean is that of their zero, so that weights have the mean 0: a code of 0 becomes the zero. Otherwise all weights would have a
 * direction in common, which grew from layer to layer until all tokens went to the same experts.
 */
const codes = new Uint8Array(bits === 16 ? 0 : POOL_BYTES);
for (let at = 0, filled = 0, held = 0, field = 0; at < codes.length; filled -= 8, held >>>= 8) {
  for (; filled < 8; filled += bits, field++) {
    const code = (words[field % words.length] >>> (8 * (field % 3))) & (2 ** bits - 1);
    held |= (code === 0 ? 2 ** (bits - 1) : code) << filled;
  }
  codes[at++] = held & 255;
}

/** `length` bytes of the pool, from a random place of it on, again and again. */
function* fromPool(pool: Uint8Array, length: number): Generator<Uint8Array> {
  let at = STEP_BYTES * Math.floor((random.next() * pool.length) / STEP_BYTES);
  for (let done = 0; done < length; ) {
    const part = pool.subarray(at, Math.min(pool.length, at + length - done));
    yield part;
    done += part.length;
    at = 0;
  }
}

/** The same numbers times a factor. */
const scaled = new Map<number, Uint8Array>();
function normalTimes(factor: number): Uint8Array {
  const known = scaled.get(factor);
  if (known !== undefined) return known;
  const floats = new Float32Array(normal.length);
  const bitsOf = new Uint16Array(floats.buffer);
  for (let i = 0; i < normal.length; i++) bitsOf[2 * i + 1] = normal[i];
  const made = new Uint8Array(bf16(floats.map((value) => value * factor)).buffer);
  scaled.set(factor, made);
  return made;
}

/** How much larger than those of other experts the logits of this one are, so that the router chooses it more often. */
function weightOf(expert: number): number {
  return Math.exp((-Number(values.uneven) * expert) / config.experts);
}

function* routerRows({ rows, cols }: LinearShape): Generator<Uint8Array> {
  for (let expert = 0; expert < rows; expert++)
    yield* fromPool(normalTimes(weightOf(expert) / Math.sqrt(cols)), 2 * cols);
}

/** What a block adds to the residual stream is small beside the token's embedding, so that different tokens go to different experts. */
function damping({ projection }: LinearShape): number {
  return projection === "o" || projection === "down" ? 1 / 16 : 1;
}

function floatTensor(linear: LinearShape): TensorToWrite {
  const { name, role, rows, cols } = linear;
  const spec = { name: `${name}.weight`, dtype: "BF16", shape: [rows, cols] } as const;
  if (role === "router") return { ...spec, pieces: () => routerRows(linear) };
  const factor = role === "embedding" ? 1 : damping(linear) / Math.sqrt(cols);
  return { ...spec, pieces: () => fromPool(normalTimes(factor), 2 * rows * cols) };
}

/** f16 bits of a power of two. */
function halfOf(value: number): number {
  return (Math.round(Math.log2(value)) + 15) << 10;
}

/** Codes, scales, zeros in the middle, and groups in order, as GPTQ's files have them (format v1: zeros less 1). */
function codeTensors(linear: LinearShape): TensorToWrite[] {
  const { name, rows, cols } = linear;
  const groups = cols / GROUP;
  const half = 2 ** (bits - 1);
  // 32 fields of `bits` bits, which 3-bit codes lay across words.
  let fields = 0n;
  for (let i = 0n; i < 32n; i++) fields |= BigInt(half - 1) << (i * BigInt(bits));
  const zeroWords = Array.from({ length: bits }, (_, i) => Number((fields >> BigInt(32 * i)) & 0xffffffffn));
  const scales = () => new Uint16Array(groups * rows).fill(halfOf((2 * damping(linear)) / (half * Math.sqrt(cols))));
  const zeros = () => Uint32Array.from({ length: (groups * rows * bits) / 32 }, (_, i) => zeroWords[i % bits]);
  const places = () => Int32Array.from({ length: cols }, (_, col) => Math.floor(col / GROUP));
  const whole = (make: () => Uint16Array | Uint32Array | Int32Array) => () => [new Uint8Array(make().buffer)];
  const words = (cols * bits) / 32;
  return [
    {
      name: `${name}.qweight`,
      dtype: "I32",
      shape: [words, rows],
      pieces: () => fromPool(codes, 4 * words * rows),
    },
    { name: `${name}.qzeros`, dtype: "I32", shape: [groups, (rows * bits) / 32], pieces: whole(zeros) },
    { name: `${name}.scales`, dtype: "F16", shape: [groups, rows], pieces: whole(scales) },
    { name: `${name}.g_idx`, dtype: "I32", shape: [cols], pieces: whole(places) },
  ];
}

function* tensors(): Generator<TensorToWrite[]> {
  for (const linear of modelLinears(names, config)) {
    const isCodes = bits < 16 && isPackable(linear) && linear.role !== "embedding" && linear.role !== "head";
    yield isCodes ? codeTensors(linear) : [floatTensor(linear)];
  }
  for (const { tensor, length } of modelVectors(names, config)) {
    const ones = bf16(new Float32Array(length).fill(1));
    yield [{ name: tensor, dtype: "BF16", shape: [length], pieces: () => [new Uint8Array(ones.buffer)] }];
  }
}

/** Tensors in shards of about `SHARD_BYTES`; what a shard holds is made when it is written. */
function shards(): (readonly TensorToWrite[])[] {
  const found: TensorToWrite[][] = [];
  let room = 0;
  for (const group of tensors()) {
    const bytes = encodeHeader(group).fileBytes;
    if (room < bytes) {
      found.push([]);
      room = SHARD_BYTES;
    }
    room -= bytes;
    found[found.length - 1].push(...group);
  }
  return found;
}

await using output = await nodeOutput(out);
const write = async (name: string, content: unknown) => {
  const file = await output.file(name);
  await file.write(new TextEncoder().encode(`${JSON.stringify(content, null, 1)}\n`));
  await file.close();
};
await write("config.json", json);
if (bits < 16) await write("quantize_config.json", quantization);
const all = shards();
const map: Record<string, string> = {};
let total = 0;
for (const [at, list] of all.entries()) {
  const number = (n: number) => String(n).padStart(5, "0");
  const name = all.length === 1 ? "model.safetensors" : `model-${number(at + 1)}-of-${number(all.length)}.safetensors`;
  const file = await output.file(name);
  total += await writeSafetensors(file, list);
  await file.close();
  for (const tensor of list) map[tensor.name] = name;
}
if (all.length > 1) await write("model.safetensors.index.json", { metadata: { total_size: total }, weight_map: map });
await output.commit();
console.log(`${out}: ${(total / 1e9).toFixed(2)} GB in ${all.length} files`);
