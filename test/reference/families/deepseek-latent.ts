/**
 * f64 reference of DeepSeek-V2 (arXiv:2405.04434) and DeepSeek-V3 (arXiv:2412.19437), written from their papers and from what transformers
 * 5.24 computes: latent attention, groups of experts, and in V3 sigmoid routers with a bias of the choice.
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
  type Yarn,
} from "./parts.ts";

export interface LatentConfig {
  readonly model_type: string;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly kv_lora_rank: number;
  readonly q_lora_rank?: number | null;
  readonly qk_nope_head_dim: number;
  readonly qk_rope_head_dim: number;
  readonly v_head_dim: number;
  readonly n_group?: number | null;
  readonly topk_group?: number | null;
  readonly topk_method?: string;
  readonly n_shared_experts: number | null;
  readonly num_experts_per_tok: number;
  readonly first_k_dense_replace: number;
  readonly norm_topk_prob?: boolean;
  readonly routed_scaling_factor: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: Yarn | null;
  readonly rope_interleave?: boolean;
  readonly tie_word_embeddings: boolean;
}

/** The inner norms use this eps whatever the configuration says. */
const INNER_EPS = 1e-6;

export function deepseekLatent(config: LatentConfig, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer): Layer => {
    const name = `model.layers.${layer}`;
    return {
      norms: [`${name}.input_layernorm`, `${name}.post_attention_layernorm`],
      mix: (rows) => mixLatent(config, checkpoint, `${name}.self_attn`, rows),
      feed: (x) =>
        layer < config.first_k_dense_replace
          ? { out: mlp(checkpoint, names(`${name}.mlp`), x) }
          : feedExperts(config, checkpoint, `${name}.mlp`, x),
    };
  });
  return pass(checkpoint, ids, layers, { eps: config.rms_norm_eps, tied: config.tie_word_embeddings });
}

const names = (prefix: string) => ["gate_proj", "up_proj", "down_proj"].map((each) => `${prefix}.${each}`);

function mixLatent(config: LatentConfig, checkpoint: Checkpoint, name: string, rows: readonly Row[]): readonly Row[] {
  const { num_attention_heads: heads, qk_nope_head_dim: plain, qk_rope_head_dim: rotary, v_head_dim: value } = config;
  const turn = turns(rotary, config.rope_theta, config.rope_scaling ?? undefined);
  const paired = config.rope_interleave ?? true;
  const q: Row[] = [];
  const k: Row[] = [];
  const v: Row[] = [];
  rows.forEach((x, position) => {
    const query =
      config.q_lora_rank == null
        ? linear(checkpoint, `${name}.q_proj`, x)
        : linear(
            checkpoint,
            `${name}.q_b_proj`,
            norm(checkpoint, `${name}.q_a_layernorm`, linear(checkpoint, `${name}.q_a_proj`, x), INNER_EPS),
          );
    for (let head = 0; head < heads; head++) rotate(query, head * (plain + rotary) + plain, turn, position, paired);
    const low = linear(checkpoint, `${name}.kv_a_proj_with_mqa`, x);
    const latent = norm(checkpoint, `${name}.kv_a_layernorm`, low.slice(0, config.kv_lora_rank), INNER_EPS);
    const shared = low.slice(config.kv_lora_rank);
    rotate(shared, 0, turn, position, paired);
    const wide = linear(checkpoint, `${name}.kv_b_proj`, latent);
    const of = (head: number, from: number, to: number) =>
      wide.slice(head * (plain + value) + from, head * (plain + value) + to);
    const all = [...Array(heads).keys()];
    q.push(query);
    k.push(Float64Array.from(all.flatMap((head) => [...of(head, 0, plain), ...shared])));
    v.push(Float64Array.from(all.flatMap((head) => [...of(head, plain, plain + value)])));
  });
  const scale = turn.scale / Math.sqrt(plain + rotary);
  return attention(q, k, v, { heads, kvHeads: heads, scale }).map((x) => linear(checkpoint, `${name}.o_proj`, x));
}

function feedExperts(config: LatentConfig, checkpoint: Checkpoint, name: string, x: Row) {
  const third = config.model_type === "deepseek_v3";
  const grouped = third || config.topk_method === "group_limited_greedy";
  const { out, route } = experts(
    linear(checkpoint, `${name}.gate`, x),
    config.num_experts_per_tok,
    {
      sigmoid: third,
      bias: third ? checkpoint.tensor(`${name}.gate.e_score_correction_bias`).data : undefined,
      groups: grouped ? (config.n_group ?? 1) : 1,
      topGroups: grouped ? (config.topk_group ?? 1) : 1,
      groupBest: third ? 2 : 1,
      // transformers' V2 never renormalises.
      renormalize: third && config.norm_topk_prob === true,
      epsilon: 1e-20,
      scale: config.routed_scaling_factor,
    },
    (e) => mlp(checkpoint, names(`${name}.experts.${e}`), x),
  );
  if (!config.n_shared_experts) return { out, route };
  return { out: plus(out, mlp(checkpoint, names(`${name}.shared_experts`), x)), route };
}
