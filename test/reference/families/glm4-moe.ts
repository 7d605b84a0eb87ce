/**
 * f64 reference of GLM-4.5's MoE, written from its report (arXiv:2508.06471) and from what transformers 5.24 computes: RoPE on a part of
 * each head, optional norms of queries and keys, routers as in DeepSeek-V3.
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
  plus,
  type Reference,
  type Row,
  rotate,
  turns,
} from "./parts.ts";

export interface Glm4Config {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly partial_rotary_factor: number;
  readonly use_qk_norm: boolean;
  readonly n_group: number;
  readonly topk_group: number;
  readonly n_shared_experts: number;
  readonly num_experts_per_tok: number;
  readonly first_k_dense_replace: number;
  readonly norm_topk_prob: boolean;
  readonly routed_scaling_factor: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly tie_word_embeddings: boolean;
}

const names = (prefix: string) => ["gate_proj", "up_proj", "down_proj"].map((each) => `${prefix}.${each}`);

export function glm4Moe(config: Glm4Config, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const { head_dim: dim, rms_norm_eps: eps } = config;
  const turn = turns(Math.floor(dim * config.partial_rotary_factor), config.rope_theta);
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer): Layer => {
    const name = `model.layers.${layer}`;
    const at = `${name}.self_attn`;
    const turned = (x: Row, which: "q" | "k", position: number) => {
      const projected = linear(checkpoint, `${at}.${which}_proj`, x);
      const y = config.use_qk_norm ? norm(checkpoint, `${at}.${which}_norm`, projected, eps) : projected;
      for (let from = 0; from < y.length; from += dim) rotate(y, from, turn, position, false);
      return y;
    };
    return {
      norms: [`${name}.input_layernorm`, `${name}.post_attention_layernorm`],
      mix(rows) {
        const [q, k] = (["q", "k"] as const).map((which) => rows.map((x, t) => turned(x, which, t)));
        const v = rows.map((x) => linear(checkpoint, `${at}.v_proj`, x));
        const [heads, kvHeads] = [config.num_attention_heads, config.num_key_value_heads];
        const out = attention(q, k, v, { heads, kvHeads, scale: 1 / Math.sqrt(dim) });
        return out.map((x) => linear(checkpoint, `${at}.o_proj`, x));
      },
      feed: (x) =>
        layer < config.first_k_dense_replace
          ? { out: mlp(checkpoint, names(`${name}.mlp`), x) }
          : feedExperts(config, checkpoint, `${name}.mlp`, x),
    };
  });
  return pass(checkpoint, ids, layers, { eps, tied: config.tie_word_embeddings });
}

function feedExperts(config: Glm4Config, checkpoint: Checkpoint, name: string, x: Row) {
  const { norm_topk_prob: renormalize, routed_scaling_factor: scale } = config;
  const bias = checkpoint.tensor(`${name}.gate.e_score_correction_bias`).data;
  const groups = { groups: config.n_group, topGroups: config.topk_group, groupBest: 2 };
  const scoring = { sigmoid: true, bias, ...groups, renormalize, epsilon: 1e-20, scale };
  const { out, route } = experts(linear(checkpoint, `${name}.gate`, x), config.num_experts_per_tok, scoring, (e) =>
    mlp(checkpoint, names(`${name}.experts.${e}`), x),
  );
  if (config.n_shared_experts === 0) return { out, route };
  return { out: plus(out, mlp(checkpoint, names(`${name}.shared_experts`), x)), route };
}
