// Shapes of the models for speed: their metadata and tensors, with random weights from models/numbers.mjs.

// biome-ignore format: one line a size
const SIZES = {
  tiny: { width: 64, layers: 2, heads: 4, kv: 2, experts: 4, used: 2, expertWidth: 96, dense: 192, vocab: 320, context: 2048 },
  small: { width: 512, layers: 8, heads: 8, kv: 4, experts: 8, used: 2, expertWidth: 512, dense: 1024, vocab: 8192, context: 4096 },
  "1b": { width: 1024, layers: 24, heads: 16, kv: 8, experts: 32, used: 8, expertWidth: 512, dense: 2048, vocab: 49155, context: 4096 },
  "7b": { width: 2048, layers: 16, heads: 16, kv: 16, experts: 64, used: 8, expertWidth: 1024, dense: 4096, vocab: 50304, context: 4096 },
};

/** What differs between families: name in the file, epsilon and base of rotations, tokenizer, and parts of a layer. */
const FAMILIES = {
  mixtral: { name: "llama", eps: 1e-5, base: 1e6, pieces: true },
  olmoe: { name: "olmoe", eps: 1e-5, base: 1e4, pre: "olmo", rowNorms: true, ownKeys: true },
  qwen2moe: { name: "qwen2moe", eps: 1e-6, base: 1e6, pre: "qwen2", biases: true, shared: "gated" },
  deepseek: { name: "deepseek", eps: 1e-6, base: 1e4, pieces: true, shared: "plain", denseLayers: 1, ownKeys: true },
  granitemoe: { name: "granitemoe", eps: 1e-6, base: 1e4, pre: "refact", tied: true },
};

/** @returns the family and size of a name like "granitemoe-1b", or "olmoe-7b-uneven2", whose routers prefer some experts. */
export function shapeOf(name) {
  const [family, size, routing = "uneven0", ...rest] = name.split("-");
  const uneven = Number(/^uneven(\d+(?:\.\d+)?)$/.exec(routing)?.[1]);
  if (FAMILIES[family] === undefined || SIZES[size] === undefined || Number.isNaN(uneven) || rest.length > 0)
    throw new Error(
      `model: found "${name}", expected one of ${Object.keys(FAMILIES)} and one of ${Object.keys(SIZES)}, as in mixtral-small or mixtral-small-uneven2`,
    );
  const shape = { ...FAMILIES[family], family, size, uneven, ...SIZES[size] };
  const headWidth = shape.width / shape.heads;
  return { ...shape, headWidth, kv: shape.ownKeys ? shape.heads : shape.kv };
}

/** The tensors of a layer: weights are rounded, vectors (norms, biases, routers) stay f32. */
function layerTensors(shape, layer) {
  const { width, headWidth, heads, kv, experts, expertWidth, dense } = shape;
  const at = (name) => `blk.${layer}.${name}.weight`;
  const weight = (name, sizes, gain = 1) => ({ name: at(name), sizes, deviation: gain / Math.sqrt(sizes[0]) });
  const vector = (name, size, mean = 1) => ({ name, sizes: [size], deviation: 0.1, mean, isVector: true });
  const router = (name, sizes) => ({ ...weight(name, sizes, 2), isVector: true });
  // The logits of an expert with a smaller number are larger, so that the router chooses it more often.
  const rowFactor = (expert) => Math.exp((-shape.uneven * expert) / experts);
  const [q, k] = [heads * headWidth, kv * headWidth];
  const bias = (part, size) => vector(`blk.${layer}.attn_${part}.bias`, size, 0);
  const attention = [
    vector(at("attn_norm"), width),
    ...[weight("attn_q", [width, q]), weight("attn_k", [width, k]), weight("attn_v", [width, k])],
    ...(shape.biases ? [bias("q", q), bias("k", k), bias("v", k)] : []),
    ...(shape.rowNorms ? [vector(at("attn_q_norm"), q), vector(at("attn_k_norm"), k)] : []),
    weight("attn_output", [q, width]),
    vector(at("ffn_norm"), width),
  ];
  const mlp = (ending, inner, stack = [], gain = 1) => [
    weight(`ffn_gate${ending}`, [width, inner, ...stack], gain),
    weight(`ffn_up${ending}`, [width, inner, ...stack], gain),
    weight(`ffn_down${ending}`, [inner, width, ...stack], gain),
  ];
  if (layer < (shape.denseLayers ?? 0)) return [...attention, ...mlp("", dense)];
  return [
    ...attention,
    { ...router("ffn_gate_inp", [width, experts]), ...(shape.uneven > 0 && { rowFactor }) },
    ...mlp("_exps", expertWidth, [experts], 1.5),
    ...(shape.shared === "gated" ? [router("ffn_gate_inp_shexp", [width])] : []),
    ...(shape.shared === undefined ? [] : mlp("_shexp", expertWidth)),
  ];
}

/** All tensors in the order of the file: `sizes[0]` is the length of a contiguous row. */
export function tensorsOf(shape) {
  const { width, vocab, layers, tied } = shape;
  const embedding = { name: "token_embd.weight", sizes: [width, vocab], deviation: tied ? 0.03 : 1 };
  const norm = { name: "output_norm.weight", sizes: [width], deviation: 0.1, mean: 1, isVector: true };
  const head = { name: "output.weight", sizes: [width, vocab], deviation: 2 / Math.sqrt(width) };
  const blocks = Array.from({ length: layers }, (_, layer) => layerTensors(shape, layer));
  return [embedding, ...blocks.flat(), norm, ...(tied ? [] : [head])];
}

/** Metadata as [key, type, value], with the types of models/gguf-writer.mjs. */
export function metadataOf(shape, fileType) {
  const { family, headWidth, shared, denseLayers } = shape;
  const counts = {
    ...{ context_length: shape.context, embedding_length: shape.width, block_count: shape.layers },
    feed_forward_length: shared === undefined ? shape.expertWidth : shape.dense,
    ...{ "attention.head_count": shape.heads, "attention.head_count_kv": shape.kv },
    ...{ "rope.dimension_count": headWidth, vocab_size: shape.vocab },
    ...{ expert_count: shape.experts, expert_used_count: shape.used },
    ...(shared === undefined ? {} : { expert_feed_forward_length: shape.expertWidth }),
    ...(shared === "gated" ? { expert_shared_feed_forward_length: shape.expertWidth } : {}),
    ...(denseLayers === undefined ? {} : { leading_dense_block_count: denseLayers, expert_shared_count: 1 }),
  };
  const granite = { logit_scale: 6, residual_scale: 0.22, embedding_scale: 12, "attention.scale": 1 / headWidth };
  const factors = {
    ...{ "attention.layer_norm_rms_epsilon": shape.eps, "rope.freq_base": shape.base },
    ...(denseLayers === undefined ? {} : { expert_weights_scale: 1 }),
    ...(family === "granitemoe" ? granite : {}),
  };
  const list = (type, values) => Object.entries(values).map(([key, value]) => [`${shape.name}.${key}`, type, value]);
  return [
    ["general.architecture", "text", shape.name],
    [
      "general.name",
      "text",
      `${family}-${shape.size}${shape.uneven > 0 ? `, uneven ${shape.uneven}` : ""}, random weights`,
    ],
    ["general.file_type", "u32", fileType],
    ["general.quantization_version", "u32", 2],
    ...list("u32", counts),
    ...list("f32", factors),
  ];
}
