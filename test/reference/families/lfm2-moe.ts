/**
 * f64 reference of LFM2-MoE, written from the model's description (LFM2 technical report, arXiv:2511.23404) and from what transformers 5.24
 * computes: short convolutions between attention layers, sigmoid routers with a bias of the choice.
 */
import {
  attention,
  type Checkpoint,
  experts,
  type Layer,
  linear,
  mlp,
  norm,
  pass,
  type Reference,
  rotate,
  turns,
} from "./parts.ts";

export interface Lfm2Config {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly hidden_size: number;
  readonly layer_types: readonly string[];
  readonly conv_L_cache: number;
  readonly num_dense_layers: number;
  readonly num_experts: number;
  readonly num_experts_per_tok: number;
  readonly use_expert_bias: boolean;
  readonly norm_topk_prob: boolean;
  readonly routed_scaling_factor: number;
  readonly norm_eps: number;
  readonly rope_theta: number;
  readonly tie_word_embeddings: boolean;
}

export function lfm2Moe(config: Lfm2Config, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const layers = config.layer_types.map((type, layer) =>
    layerOf(config, checkpoint, type, `model.layers.${layer}`, layer),
  );
  const outer = { eps: config.norm_eps, finalNorm: "model.embedding_norm", tied: config.tie_word_embeddings };
  return pass(checkpoint, ids, layers, outer);
}

function layerOf(config: Lfm2Config, checkpoint: Checkpoint, type: string, name: string, layer: number): Layer {
  const { num_experts_per_tok: topK, norm_topk_prob: renormalize, routed_scaling_factor: scale } = config;
  const names = (prefix: string) => ["w1", "w3", "w2"].map((each) => `${prefix}.${each}`);
  const feed: Layer["feed"] = (x) => {
    const moe = `${name}.feed_forward`;
    if (layer < config.num_dense_layers) return { out: mlp(checkpoint, names(moe), x) };
    const bias = config.use_expert_bias ? checkpoint.tensor(`${moe}.expert_bias`).data : undefined;
    const one = { groups: 1, topGroups: 1, groupBest: 1 };
    const scoring = { sigmoid: true, bias, ...one, renormalize, epsilon: 1e-6, scale };
    return experts(linear(checkpoint, `${moe}.gate`, x), topK, scoring, (e) =>
      mlp(checkpoint, names(`${moe}.experts.${e}`), x),
    );
  };
  const mix: Layer["mix"] = (rows) => {
    if (type === "conv") return shortConv(checkpoint, `${name}.conv`, rows, config.hidden_size);
    const at = `${name}.self_attn`;
    const dim = config.hidden_size / config.num_attention_heads;
    const turn = turns(dim, config.rope_theta);
    const turned = (x: Float64Array, normName: string, position: number) => {
      const y = norm(checkpoint, normName, x, config.norm_eps);
      for (let from = 0; from < y.length; from += dim) rotate(y, from, turn, position, false);
      return y;
    };
    const q = rows.map((x, t) => turned(linear(checkpoint, `${at}.q_proj`, x), `${at}.q_layernorm`, t));
    const k = rows.map((x, t) => turned(linear(checkpoint, `${at}.k_proj`, x), `${at}.k_layernorm`, t));
    const v = rows.map((x) => linear(checkpoint, `${at}.v_proj`, x));
    const shape = { heads: config.num_attention_heads, kvHeads: config.num_key_value_heads, scale: 1 / Math.sqrt(dim) };
    return attention(q, k, v, shape).map((x) => linear(checkpoint, `${at}.out_proj`, x));
  };
  return { norms: [`${name}.operator_norm`, `${name}.ffn_norm`], mix, feed };
}

/** in_proj gives b, c and x; y = out_proj(c * (causal convolution of b * x)). */
function shortConv(checkpoint: Checkpoint, name: string, rows: readonly Float64Array[], width: number) {
  const { shape, data } = checkpoint.tensor(`${name}.conv.weight`);
  const taps = shape[2];
  const bias = checkpoint.has(`${name}.conv.bias`) ? checkpoint.tensor(`${name}.conv.bias`).data : undefined;
  const parts = rows.map((row) => linear(checkpoint, `${name}.in_proj`, row));
  return parts.map((part, t) => {
    const y = Float64Array.from({ length: width }, (_, col) => {
      let sum = bias?.[col] ?? 0;
      for (let tap = 0; tap < taps; tap++) {
        const from = parts[t - taps + 1 + tap];
        if (from !== undefined) sum += data[col * taps + tap] * from[col] * from[2 * width + col];
      }
      return part[width + col] * sum;
    });
    return linear(checkpoint, `${name}.out_proj`, y);
  });
}
