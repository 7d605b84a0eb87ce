/**
 * A naive forward pass in float64 over the tensors of a GGUF file as they lie there, written after llama.cpp's description of each
 * architecture: rows of queries and keys in pairs are rotated as pairs, and nothing is renamed.
 */
import { type Matrix, readNaive } from "./gguf-file.ts";

/** Logits of all positions, [T][V]. */
export function naiveLogits(bytes: Uint8Array, ids: readonly number[]): readonly Float64Array[] {
  const { keys, tensors } = readNaive(bytes);
  const arch = keys.get("general.architecture") as string;
  const key = (name: string, otherwise = 0) => Number(keys.get(`${arch}.${name}`) ?? otherwise);
  const weight = (name: string) => tensors.get(name)!;
  const eps = key("attention.layer_norm_rms_epsilon");
  const norm = (x: Float64Array, name: string) => rms(x, weight(name).values, eps);
  const embedding = weight("token_embd.weight");
  const scale = arch === "granitemoe" ? key("embedding_scale", 1) : 1;
  const residual = arch === "granitemoe" ? key("residual_scale", 1) : 1;
  let h = ids.map((id) => row(embedding, id).map((value) => value * scale));
  for (let layer = 0; layer < key("block_count"); layer++) {
    const b = `blk.${layer}.`;
    const attended = attention(
      { arch, key, tensors, eps },
      b,
      h.map((x) => norm(x, `${b}attn_norm.weight`)),
    );
    h = h.map((x, t) => x.map((value, i) => value + residual * attended[t][i]));
    const mixed = h.map((x) => feedForward({ arch, key, tensors, eps }, b, norm(x, `${b}ffn_norm.weight`)));
    h = h.map((x, t) => x.map((value, i) => value + residual * mixed[t][i]));
  }
  const head = tensors.get("output.weight") ?? embedding;
  const divisor = arch === "granitemoe" ? key("logit_scale", 1) : 1;
  return h.map((x) => times(head, norm(x, "output_norm.weight")).map((value) => value / divisor));
}

interface Model {
  readonly arch: string;
  readonly key: (name: string, otherwise?: number) => number;
  readonly tensors: ReadonlyMap<string, Matrix>;
  readonly eps: number;
}

function row({ cols, values }: Matrix, index: number): Float64Array {
  return values.slice(index * cols, (index + 1) * cols);
}

function times({ rows, cols, values }: Matrix, x: Float64Array, first = 0, count = rows): Float64Array {
  return Float64Array.from({ length: count }, (_, n) => {
    let sum = 0;
    for (let k = 0; k < cols; k++) sum += values[(first + n) * cols + k] * x[k];
    return sum;
  });
}

function rms(x: Float64Array, weight: Float64Array, eps: number): Float64Array {
  const mean = x.reduce((sum, value) => sum + value * value, 0) / x.length;
  return x.map((value, i) => (value / Math.sqrt(mean + eps)) * weight[i]);
}

function attention({ arch, key, tensors, eps }: Model, b: string, inputs: readonly Float64Array[]): Float64Array[] {
  const heads = key("attention.head_count");
  const kvHeads = key("attention.head_count_kv");
  const dim = key("attention.key_length", key("embedding_length") / heads);
  const isPaired = ["llama", "deepseek", "granitemoe"].includes(arch);
  const factors = tensors.get("rope_freqs.weight")?.values;
  const project = (part: string, x: Float64Array, t: number) => {
    const bias = tensors.get(`${b}attn_${part}.bias`)?.values;
    const plain = times(tensors.get(`${b}attn_${part}.weight`)!, x).map((value, i) => value + (bias?.[i] ?? 0));
    if (part === "v") return plain;
    return rotate(normed(plain, tensors.get(`${b}attn_${part}_norm.weight`)?.values, eps), {
      dim,
      t,
      isPaired,
      theta: key("rope.freq_base"),
      factors,
    });
  };
  const [q, k, v] = ["q", "k", "v"].map((part) => inputs.map((x, t) => project(part, x, t)));
  const scale = arch === "granitemoe" && key("attention.scale") > 0 ? key("attention.scale") : 1 / Math.sqrt(dim);
  return q.map((query, t) => {
    const out = new Float64Array(heads * dim);
    for (let head = 0; head < heads; head++) {
      const from = Math.floor(head / (heads / kvHeads)) * dim;
      const scores = k.slice(0, t + 1).map((keys) => {
        let sum = 0;
        for (let i = 0; i < dim; i++) sum += query[head * dim + i] * keys[from + i];
        return sum * scale;
      });
      softmax(scores).forEach((share, s) => {
        for (let i = 0; i < dim; i++) out[head * dim + i] += share * v[s][from + i];
      });
    }
    return times(tensors.get(`${b}attn_output.weight`)!, out);
  });
}

/** RMSNorm over the whole row or over each head, by the length of the weight. */
function normed(x: Float64Array, weight: Float64Array | undefined, eps: number): Float64Array {
  if (weight === undefined) return x;
  const out = new Float64Array(x.length);
  for (let at = 0; at < x.length; at += weight.length) out.set(rms(x.slice(at, at + weight.length), weight, eps), at);
  return out;
}

interface Rotation {
  readonly dim: number;
  readonly t: number;
  readonly isPaired: boolean;
  readonly theta: number;
  readonly factors: Float64Array | undefined;
}

function rotate(x: Float64Array, { dim, t, isPaired, theta, factors }: Rotation): Float64Array {
  const out = x.slice();
  for (let head = 0; head < x.length; head += dim)
    for (let i = 0; i < dim / 2; i++) {
      const angle = (t * theta ** ((-2 * i) / dim)) / (factors?.[i] ?? 1);
      const [a, c] = isPaired ? [head + 2 * i, head + 2 * i + 1] : [head + i, head + i + dim / 2];
      out[a] = x[a] * Math.cos(angle) - x[c] * Math.sin(angle);
      out[c] = x[a] * Math.sin(angle) + x[c] * Math.cos(angle);
    }
  return out;
}

function softmax(scores: readonly number[]): number[] {
  const most = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - most));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

function feedForward({ arch, key, tensors }: Model, b: string, x: Float64Array): Float64Array {
  const mlp = (ending: string, experts = 1, expert = 0) => {
    const part = (name: string, input: Float64Array) => {
      const matrix = tensors.get(`${b}ffn_${name}${ending}.weight`)!;
      return times(matrix, input, (expert * matrix.rows) / experts, matrix.rows / experts);
    };
    const [gate, up] = [part("gate", x), part("up", x)];
    return part(
      "down",
      gate.map((value, i) => (value / (1 + Math.exp(-value))) * up[i]),
    );
  };
  const router = tensors.get(`${b}ffn_gate_inp.weight`);
  if (router === undefined) return mlp("");
  const shares = softmax([...times(router, x)]);
  const chosen = shares
    .map((_, i) => i)
    .sort((i, j) => shares[j] - shares[i])
    .slice(0, key("expert_used_count"));
  const total = chosen.reduce((sum, expert) => sum + shares[expert], 0);
  const renormalizes = ["llama", "qwen3moe", "granitemoe"].includes(arch);
  const out = new Float64Array(x.length);
  const add = (y: Float64Array, factor: number) => {
    for (let i = 0; i < out.length; i++) out[i] += factor * y[i];
  };
  for (const expert of chosen) add(mlp("_exps", shares.length, expert), shares[expert] / (renormalizes ? total : 1));
  if (tensors.has(`${b}ffn_gate_shexp.weight`)) {
    const gate = tensors.get(`${b}ffn_gate_inp_shexp.weight`);
    add(mlp("_shexp"), gate === undefined ? 1 : 1 / (1 + Math.exp(-times(gate, x)[0])));
  }
  return out;
}
