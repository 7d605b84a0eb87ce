/**
 * f64 reference of gpt-oss, written from the model card (arXiv:2508.10925), the MXFP4 format (OCP Microscaling v1.0) and from what
 * transformers 5.24 computes: attention with sinks, windows in every other layer, clamped SwiGLU, biases everywhere.
 */
import { swiglu_clamped_f32 } from "../network/mlp.ts";
import {
  attention,
  type Checkpoint,
  experts,
  type Layer,
  linear,
  pass,
  type Reference,
  type Row,
  rotate,
  times,
  turns,
  type Yarn,
} from "./parts.ts";

export interface GptOssConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_local_experts: number;
  readonly num_experts_per_tok: number;
  readonly sliding_window: number;
  readonly layer_types?: readonly string[];
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling?: Yarn | null;
  readonly swiglu_limit: number;
}

export function gptOss(config: GptOssConfig, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer) => layerOf(config, checkpoint, layer));
  return pass(checkpoint, ids, layers, { eps: config.rms_norm_eps, tied: false });
}

function layerOf(config: GptOssConfig, checkpoint: Checkpoint, layer: number): Layer {
  const name = `model.layers.${layer}`;
  const slides = (config.layer_types?.[layer] ?? (layer % 2 === 0 ? "sliding_attention" : "")) === "sliding_attention";
  const turn = turns(config.head_dim, config.rope_theta, config.rope_scaling ?? undefined);
  const mix: Layer["mix"] = (rows) => {
    const at = `${name}.self_attn`;
    const turned = (x: Row, position: number) => {
      for (let from = 0; from < x.length; from += config.head_dim) rotate(x, from, turn, position, false);
      return x;
    };
    const q = rows.map((x, t) => turned(linear(checkpoint, `${at}.q_proj`, x), t));
    const k = rows.map((x, t) => turned(linear(checkpoint, `${at}.k_proj`, x), t));
    const v = rows.map((x) => linear(checkpoint, `${at}.v_proj`, x));
    const out = attention(q, k, v, {
      heads: config.num_attention_heads,
      kvHeads: config.num_key_value_heads,
      scale: 1 / Math.sqrt(config.head_dim),
      window: slides ? config.sliding_window : undefined,
      sinks: checkpoint.tensor(`${at}.sinks`).data,
    });
    return out.map((x) => linear(checkpoint, `${at}.o_proj`, x));
  };
  const banks = {
    up: bank(checkpoint, `${name}.mlp.experts.gate_up_proj`),
    down: bank(checkpoint, `${name}.mlp.experts.down_proj`),
  };
  const feed: Layer["feed"] = (x) => {
    const one = { groups: 1, topGroups: 1, groupBest: 1 };
    // The softmax over all experts, divided by the sum of the chosen ones, is the softmax over these.
    const scoring = { sigmoid: false, ...one, renormalize: true, epsilon: 0, scale: 1 };
    return experts(linear(checkpoint, `${name}.mlp.router`, x), config.num_experts_per_tok, scoring, (e) => {
      const both = banks.up(e, x);
      const [gate, up] = [0, 1].map((odd) => both.filter((_, i) => i % 2 === odd));
      return banks.down(e, swiglu_clamped_f32(gate, up, 1.702, config.swiglu_limit));
    });
  };
  return { norms: [`${name}.input_layernorm`, `${name}.post_attention_layernorm`], mix, feed };
}

/** A bank of experts as MXFP4 blocks [experts, rows, blocks, 16], or as floats [experts, cols, rows]; with biases. */
function bank(checkpoint: Checkpoint, name: string): (expert: number, x: Row) => Row {
  const biases = checkpoint.tensor(`${name}_bias`);
  const rows = biases.shape[1];
  const bias = (expert: number) => Array.from({ length: rows }, (_, row) => biases.data[expert * rows + row]);
  if (checkpoint.has(`${name}_blocks`)) {
    const blocks = checkpoint.tensor(`${name}_blocks`).data;
    const scales = checkpoint.tensor(`${name}_scales`).data;
    return (expert, x) => {
      const values = Float64Array.from({ length: rows * x.length }, (_, i) => {
        const at = expert * rows * x.length + i;
        const code = (blocks[at >> 1] >> (4 * (at & 1))) & 15;
        return mxfp4(code, scales[Math.floor(at / 32)]);
      });
      return times(values, rows, x, bias(expert));
    };
  }
  const floats = checkpoint.tensor(name).data;
  return (expert, x) => {
    const at = (row: number, col: number) => floats[(expert * x.length + col) * rows + row];
    const values = Float64Array.from({ length: rows * x.length }, (_, i) => at(Math.floor(i / x.length), i % x.length));
    return times(values, rows, x, bias(expert));
  };
}

/** The value of a code of four bits (sign, two bits of exponent, one of mantissa) times 2^(scale - 127). */
function mxfp4(code: number, scale: number): number {
  const sign = code & 8 ? -1 : 1;
  const [exponent, mantissa] = [(code >> 1) & 3, code & 1];
  const magnitude = exponent === 0 ? mantissa / 2 : (1 + mantissa / 2) * 2 ** (exponent - 1);
  return sign * magnitude * 2 ** (scale - 127);
}
