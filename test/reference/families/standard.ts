/**
 * f64 reference of the families whose layers are attention with RoPE and a SwiGLU MLP or experts, written from their papers and from what
 * transformers 5.24 computes. It reads config.json and the hub's tensor names itself.
 */
import { llama3Frequency } from "../network/rope-frequencies.ts";
import {
  attention,
  type Checkpoint,
  experts,
  type Layer,
  linear,
  mlp,
  norm,
  pass,
  plus,
  type Reference,
  type Row,
  rotate,
  silu,
  type Turns,
  times,
  turns,
  type Yarn,
} from "./parts.ts";

/** The fields of config.json that the reference reads. */
export interface StandardConfig {
  readonly model_type: string;
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads?: number;
  readonly head_dim?: number | null;
  readonly rms_norm_eps: number;
  readonly rope_theta?: number;
  readonly rope_scaling?: Readonly<Record<string, number | string>> | null;
  readonly sliding_window?: number | null;
  readonly use_sliding_window?: boolean;
  readonly max_window_layers?: number;
  readonly layer_types?: readonly string[];
  readonly tie_word_embeddings?: boolean;
  readonly [field: string]: unknown;
}

export function standard(config: StandardConfig, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const [embedding, residual, divisor] = ["embedding_multiplier", "residual_multiplier", "logits_scaling"].map(
    (field) => numberOf(config, field, 1),
  );
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer): Layer => {
    const name = `model.layers.${layer}`;
    const feed = feedOf(config, checkpoint, name, layer);
    return {
      norms: [`${name}.input_layernorm`, `${name}.post_attention_layernorm`],
      mix: (rows) => mixRows(config, checkpoint, layer, rows).map((row) => scaled(row, residual)),
      feed(x) {
        const { out, route } = feed(x);
        return { out: scaled(out, residual), route };
      },
    };
  });
  const outer = { eps: config.rms_norm_eps, tied: config.tie_word_embeddings === true };
  const found = pass(embedding === 1 ? checkpoint : untied(checkpoint, embedding), ids, layers, {
    ...outer,
    tied: outer.tied && embedding === 1,
  });
  return { ...found, logits: found.logits.map((row) => scaled(row, 1 / divisor)) };
}

const numberOf = (config: StandardConfig, field: string, fallback: number) => (config[field] as number) ?? fallback;
const scaled = (row: Row, factor: number) => row.map((value) => value * factor);
const names = (prefix: string) => ["gate_proj", "up_proj", "down_proj"].map((each) => `${prefix}.${each}`);

/** The checkpoint with its embedding scaled, and with the plain one as its head if it has none. */
function untied(checkpoint: Checkpoint, factor: number): Checkpoint {
  const plain = checkpoint.tensor("model.embed_tokens.weight");
  return {
    has: (name) => checkpoint.has(name),
    tensor(name) {
      if (name === "lm_head.weight" && !checkpoint.has(name)) return plain;
      if (name !== "model.embed_tokens.weight") return checkpoint.tensor(name);
      return { ...plain, data: Float64Array.from(plain.data, (value) => value * factor) };
    },
  };
}

function mixRows(config: StandardConfig, checkpoint: Checkpoint, layer: number, rows: readonly Row[]): readonly Row[] {
  const at = `model.layers.${layer}.self_attn`;
  const { num_attention_heads: heads } = config;
  const kvHeads = config.num_key_value_heads ?? heads;
  const dim = config.head_dim ?? config.hidden_size / heads;
  const turn = turnsOf(config, dim);
  const clip = numberOf(config, "clip_qkv", Number.POSITIVE_INFINITY);
  const project = (which: string, x: Row) => {
    const y = linear(checkpoint, `${at}.${which}_proj`, x);
    const name = `${at}.${which}_norm`;
    const normed = checkpoint.has(`${name}.weight`) ? norm(checkpoint, name, y, config.rms_norm_eps) : y;
    return normed.map((value) => Math.max(-clip, Math.min(clip, value)));
  };
  const turned = (which: string) =>
    rows.map((x, position) => {
      const y = project(which, x);
      for (let from = 0; from < y.length; from += dim) rotate(y, from, turn, position, false);
      return y;
    });
  const scale = isGranite(config) ? numberOf(config, "attention_multiplier", 1) : 1 / Math.sqrt(dim);
  const shape = { heads, kvHeads, scale, window: windowOf(config, layer) };
  const out = attention(
    turned("q"),
    turned("k"),
    rows.map((x) => project("v", x)),
    shape,
  );
  return out.map((x) => linear(checkpoint, `${at}.o_proj`, x));
}

const isGranite = ({ model_type }: StandardConfig) => model_type.startsWith("granite");

/** The window of a layer, by each family's own rule. */
function windowOf(config: StandardConfig, layer: number): number | undefined {
  const { model_type: type, sliding_window: window, max_window_layers: bound = 28 } = config;
  if (!window) return undefined;
  if (type === "mixtral" || type === "mistral") return window;
  if (config.use_sliding_window !== true) return undefined;
  const byRule = { qwen2: layer >= bound, qwen3: layer >= bound, qwen2_moe: layer % 2 === 0 && layer < bound };
  const slides = config.layer_types
    ? config.layer_types[layer] === "sliding_attention"
    : ((byRule as Record<string, boolean>)[type] ?? type === "qwen3_moe");
  return slides ? window : undefined;
}

function turnsOf({ rope_theta: theta = 10_000, rope_scaling: scaling }: StandardConfig, dim: number): Turns {
  const plain = turns(dim, theta);
  const type = scaling?.["rope_type"] ?? scaling?.["type"] ?? "default";
  if (scaling == null || type === "default" || type === "dynamic") return plain;
  const of = (field: string) => scaling[field] as number;
  const context = of("original_max_position_embeddings");
  if (type === "yarn") {
    const found = turns(dim, theta, scaling as unknown as Yarn);
    return { ...found, amplitude: (scaling["attention_factor"] as number) ?? found.amplitude };
  }
  const frequencies = plain.frequencies.map((frequency, pair) =>
    type === "linear"
      ? frequency / of("factor")
      : llama3Frequency(
          { dim, theta },
          { factor: of("factor"), low: of("low_freq_factor"), high: of("high_freq_factor"), context },
          pair,
        ),
  );
  return { ...plain, frequencies };
}

function feedOf(config: StandardConfig, checkpoint: Checkpoint, name: string, layer: number): Layer["feed"] {
  const moe = moeOf(config, layer);
  if (!moe) return (x) => ({ out: mlp(checkpoint, names(`${name}.mlp`), x) });
  const topK = config["num_experts_per_tok"] as number;
  const always = config.model_type === "mixtral" || isGranite(config);
  const renormalize = always || (config["norm_topk_prob"] === true && topK > 1);
  const one = { groups: 1, topGroups: 1, groupBest: 1 };
  const scoring = {
    sigmoid: false,
    ...one,
    renormalize,
    epsilon: 0,
    scale: numberOf(config, "routed_scaling_factor", 1),
  };
  const layout = layoutOf(config, checkpoint, name);
  return (x) => {
    const { out, route } = experts(linear(checkpoint, layout.router, x), topK, scoring, (e) => layout.expert(e, x));
    const shared = layout.shared?.(x);
    return { out: shared === undefined ? out : plus(out, shared), route };
  };
}

function moeOf(config: StandardConfig, layer: number): boolean {
  switch (config.model_type) {
    case "llama":
    case "mistral":
    case "qwen2":
    case "qwen3":
      return false;
    case "deepseek":
      return (
        layer >= numberOf(config, "first_k_dense_replace", 0) && layer % numberOf(config, "moe_layer_freq", 1) === 0
      );
    case "qwen2_moe":
    case "qwen3_moe": {
      const dense = (config["mlp_only_layers"] as number[] | undefined) ?? [];
      return !dense.includes(layer) && (layer + 1) % numberOf(config, "decoder_sparse_step", 1) === 0;
    }
    default:
      return true;
  }
}

interface Layout {
  readonly router: string;
  expert(index: number, x: Row): Row;
  readonly shared?: (x: Row) => Row;
}

/** Where the weights of a layer's experts are. */
function layoutOf(config: StandardConfig, checkpoint: Checkpoint, name: string): Layout {
  if (isGranite(config)) return graniteLayout(config, checkpoint, name);
  if (config.model_type === "mixtral") {
    const moe = `${name}.block_sparse_moe`;
    const expert = (e: number) => ["w1", "w3", "w2"].map((each) => `${moe}.experts.${e}.${each}`);
    return { router: `${moe}.gate`, expert: (e, x) => mlp(checkpoint, expert(e), x) };
  }
  const moe = `${name}.mlp`;
  const layout = {
    router: `${moe}.gate`,
    expert: (e: number, x: Row) => mlp(checkpoint, names(`${moe}.experts.${e}`), x),
  };
  if (checkpoint.has(`${moe}.shared_expert_gate.weight`))
    return {
      ...layout,
      shared(x) {
        const [gate] = linear(checkpoint, `${moe}.shared_expert_gate`, x);
        return scaled(mlp(checkpoint, names(`${moe}.shared_expert`), x), 1 / (1 + Math.exp(-gate)));
      },
    };
  if (!config["n_shared_experts"]) return layout;
  return { ...layout, shared: (x) => mlp(checkpoint, names(`${moe}.shared_experts`), x) };
}

/** Gate and up lie one below the other in one tensor. */
function graniteLayout(config: StandardConfig, checkpoint: Checkpoint, name: string): Layout {
  const moe = `${name}.block_sparse_moe`;
  const fused = (prefix: string, first: number, x: Row) => {
    const [input, output] = [`${prefix}.input_linear`, `${prefix}.output_linear`].map((each) =>
      checkpoint.tensor(`${each}.weight`),
    );
    const [both, width] = input.shape.slice(-2);
    const rows = output.shape.at(-2) as number;
    const part = (tensor: ArrayLike<number>, size: number) =>
      Array.from({ length: size }, (_, i) => tensor[first * size + i]);
    const y = times(part(input.data, both * width), both, x);
    const half = both / 2;
    const inner = Float64Array.from({ length: half }, (_, i) => silu(y[i]) * y[half + i]);
    return times(part(output.data, rows * half), rows, inner);
  };
  const layout = { router: `${moe}.router.layer`, expert: (e: number, x: Row) => fused(moe, e, x) };
  const hasShared = config.model_type === "granitemoeshared" && numberOf(config, "shared_intermediate_size", 0) > 0;
  return hasShared ? { ...layout, shared: (x) => fused(`${name}.shared_mlp`, 0, x) } : layout;
}
