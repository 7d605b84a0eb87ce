/**
 * f64 reference of ERNIE 4.5 MoE, written from its technical report (Baidu 2025) and from what transformers 5.24 computes: interleaved
 * RoPE, softmax routers with a bias of the choice, shared experts, experts in a range of layers.
 */
import {
  attention,
  type Checkpoint,
  experts,
  type Layer,
  linear,
  mlp,
  pass,
  plus,
  type Reference,
  type Row,
  rotate,
  turns,
} from "./parts.ts";

export interface ErnieConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim?: number;
  readonly hidden_size: number;
  readonly moe_num_experts: number;
  readonly moe_k: number;
  readonly moe_num_shared_experts: number;
  readonly moe_layer_start_index: number;
  readonly moe_layer_end_index: number;
  readonly moe_layer_interval: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly tie_word_embeddings: boolean;
}

const names = (prefix: string) => ["gate_proj", "up_proj", "down_proj"].map((each) => `${prefix}.${each}`);

export function ernie(config: ErnieConfig, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const dim = config.head_dim ?? config.hidden_size / config.num_attention_heads;
  const turn = turns(dim, config.rope_theta);
  const lastMoe = config.moe_layer_end_index === -1 ? config.num_hidden_layers - 1 : config.moe_layer_end_index;
  const isMoe = (layer: number) =>
    (layer + 1) % config.moe_layer_interval === 0 && layer >= config.moe_layer_start_index && layer <= lastMoe;
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer): Layer => {
    const name = `model.layers.${layer}`;
    const turned = (x: Row, position: number) => {
      for (let from = 0; from < x.length; from += dim) rotate(x, from, turn, position, true);
      return x;
    };
    return {
      norms: [`${name}.input_layernorm`, `${name}.post_attention_layernorm`],
      mix(rows) {
        const at = `${name}.self_attn`;
        const q = rows.map((x, t) => turned(linear(checkpoint, `${at}.q_proj`, x), t));
        const k = rows.map((x, t) => turned(linear(checkpoint, `${at}.k_proj`, x), t));
        const v = rows.map((x) => linear(checkpoint, `${at}.v_proj`, x));
        const [heads, kvHeads] = [config.num_attention_heads, config.num_key_value_heads];
        const out = attention(q, k, v, { heads, kvHeads, scale: 1 / Math.sqrt(dim) });
        return out.map((x) => linear(checkpoint, `${at}.o_proj`, x));
      },
      feed: (x) =>
        isMoe(layer)
          ? feedExperts(config, checkpoint, `${name}.mlp`, x)
          : { out: mlp(checkpoint, names(`${name}.mlp`), x) },
    };
  });
  return pass(checkpoint, ids, layers, { eps: config.rms_norm_eps, tied: config.tie_word_embeddings });
}

function feedExperts(config: ErnieConfig, checkpoint: Checkpoint, name: string, x: Row) {
  const bias = checkpoint.tensor(`${name}.moe_statics.e_score_correction_bias`).data;
  const one = { groups: 1, topGroups: 1, groupBest: 1 };
  const scoring = { sigmoid: false, bias, ...one, renormalize: true, epsilon: 0, scale: 1 };
  const { out, route } = experts(linear(checkpoint, `${name}.gate`, x), config.moe_k, scoring, (e) =>
    mlp(checkpoint, names(`${name}.experts.${e}`), x),
  );
  if (config.moe_num_shared_experts === 0) return { out, route };
  return { out: plus(out, mlp(checkpoint, names(`${name}.shared_experts`), x)), route };
}
