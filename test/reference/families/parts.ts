/** f64 parts of the reference passes: rows of a sequence, linears, norms, rotations, attention and experts. */
import { type Route, route_scored_f32, type Scoring } from "../network/router.ts";

export type Row = Float64Array;

/** Tensors of a checkpoint by name, as numbers. */
export interface Checkpoint {
  has(name: string): boolean;
  /** @throws if there is none. */
  tensor(name: string): { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
}

/** y = W x + b, with the weight [rows, cols] and the bias, if there is one, of the module `name`. */
export function linear(checkpoint: Checkpoint, name: string, x: Row): Row {
  const { shape, data } = checkpoint.tensor(`${name}.weight`);
  const bias = checkpoint.has(`${name}.bias`) ? checkpoint.tensor(`${name}.bias`).data : undefined;
  return times(data, shape[0], x, bias);
}

/** y = W x + b for a weight [rows, x.length]. */
export function times(weight: ArrayLike<number>, rows: number, x: Row, bias?: ArrayLike<number>): Row {
  return Float64Array.from({ length: rows }, (_, row) => {
    let sum = bias?.[row] ?? 0;
    for (let col = 0; col < x.length; col++) sum += weight[row * x.length + col] * x[col];
    return sum;
  });
}

/** x / rms(x) * weight over slices of the weight's length. */
export function norm(checkpoint: Checkpoint, name: string, x: Row, eps: number): Row {
  const weight = checkpoint.tensor(`${name}.weight`).data;
  const y = new Float64Array(x.length);
  for (let from = 0; from < x.length; from += weight.length) {
    let sum = 0;
    for (let i = 0; i < weight.length; i++) sum += x[from + i] ** 2;
    const rms = Math.sqrt(sum / weight.length + eps);
    for (let i = 0; i < weight.length; i++) y[from + i] = (x[from + i] / rms) * weight[i];
  }
  return y;
}

export function silu(x: number): number {
  return x / (1 + Math.exp(-x));
}

export function plus(a: Row, b: Row): Row {
  return a.map((value, i) => value + b[i]);
}

/** down(silu(gate(x)) * up(x)), with the names of the three modules. */
export function mlp(checkpoint: Checkpoint, [gate, up, down]: readonly string[], x: Row): Row {
  const g = linear(checkpoint, gate, x);
  const u = linear(checkpoint, up, x);
  return linear(
    checkpoint,
    down,
    g.map((value, i) => silu(value) * u[i]),
  );
}

/** The routed experts of one token: its route, and the sum of their outputs by weight. */
export function experts(
  logits: Row,
  topK: number,
  scoring: Scoring,
  expert: (index: number) => Row,
): { readonly route: Route; readonly out: Row } {
  const route = route_scored_f32([...logits], topK, scoring);
  const outs = route.experts.map(expert);
  const out = new Float64Array(outs[0].length);
  outs.forEach((y, slot) => {
    y.forEach((value, i) => {
      out[i] += route.weights[slot] * value;
    });
  });
  return { route, out };
}

/** Radians per position of each pair, the factor on cosines and sines, and the factor on attention's scale. */
export interface Turns {
  readonly frequencies: readonly number[];
  readonly amplitude: number;
  readonly scale: number;
}

/** Fields of `rope_scaling` that YaRN reads. */
export interface Yarn {
  readonly factor: number;
  readonly original_max_position_embeddings: number;
  readonly beta_fast?: number;
  readonly beta_slow?: number;
  readonly truncate?: boolean;
  readonly mscale?: number;
  readonly mscale_all_dim?: number;
}

/** Plain RoPE (arXiv:2104.09864), or with YaRN (arXiv:2309.00071) and DeepSeek's scales of it. */
export function turns(dim: number, theta: number, yarn?: Yarn): Turns {
  const plain = Array.from({ length: dim / 2 }, (_, i) => theta ** ((-2 * i) / dim));
  if (yarn === undefined) return { frequencies: plain, amplitude: 1, scale: 1 };
  const { factor, original_max_position_embeddings: trained, truncate = true } = yarn;
  const place = (rotations: number) => (dim * Math.log(trained / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [place(yarn.beta_fast ?? 32), place(yarn.beta_slow ?? 1)];
  const low = Math.max(0, truncate ? Math.floor(fast) : fast);
  const high = Math.min(dim - 1, truncate ? Math.ceil(slow) : slow);
  const ramp = (i: number) => Math.min(1, Math.max(0, (i - low) / (high === low ? 0.001 : high - low)));
  const magnitude = (m: number) => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  const { mscale, mscale_all_dim: all } = yarn;
  return {
    frequencies: plain.map((f, i) => (f / factor) * ramp(i) + f * (1 - ramp(i))),
    amplitude: mscale && all ? magnitude(mscale) / magnitude(all) : magnitude(1),
    scale: all ? magnitude(all) ** 2 : 1,
  };
}

/** Rotates columns [from, from + 2 * pairs) of x: pair i is columns i and i + pairs, or 2i and 2i + 1 if `paired`. */
export function rotate(
  x: Row,
  from: number,
  { frequencies, amplitude }: Turns,
  position: number,
  paired: boolean,
): void {
  const half = frequencies.length;
  frequencies.forEach((frequency, i) => {
    const a = from + (paired ? 2 * i : i);
    const b = paired ? a + 1 : a + half;
    const [cos, sin] = [Math.cos(position * frequency) * amplitude, Math.sin(position * frequency) * amplitude];
    [x[a], x[b]] = [x[a] * cos - x[b] * sin, x[b] * cos + x[a] * sin];
  });
}

export interface Attention {
  readonly heads: number;
  readonly kvHeads: number;
  readonly scale: number;
  /** Number of tokens that a token sees, itself included. */
  readonly window?: number;
  readonly sinks?: ArrayLike<number>;
}

/** Causal attention of the rows of a sequence, after rotation. */
export function attention(q: readonly Row[], k: readonly Row[], v: readonly Row[], shape: Attention): readonly Row[] {
  const { heads, kvHeads, scale, window = Number.POSITIVE_INFINITY, sinks } = shape;
  const [keyWidth, valueWidth] = [k[0].length / kvHeads, v[0].length / kvHeads];
  return q.map((query, t) => {
    const out = new Float64Array(heads * valueWidth);
    const first = Math.max(0, t + 1 - window);
    for (let head = 0; head < heads; head++) {
      const kv = Math.floor(head / (heads / kvHeads));
      const scores = k.slice(first, t + 1).map((key) => {
        let dot = 0;
        for (let i = 0; i < keyWidth; i++) dot += query[head * keyWidth + i] * key[kv * keyWidth + i];
        return dot * scale;
      });
      const most = Math.max(...scores, sinks?.[head] ?? Number.NEGATIVE_INFINITY);
      const weights = scores.map((score) => Math.exp(score - most));
      const sum = weights.reduce((a, b) => a + b, sinks === undefined ? 0 : Math.exp(sinks[head] - most));
      weights.forEach((weight, row) => {
        for (let i = 0; i < valueWidth; i++)
          out[head * valueWidth + i] += (weight / sum) * v[first + row][kv * valueWidth + i];
      });
    }
    return out;
  });
}

/** What a reference pass computes for a sequence. */
export interface Reference {
  readonly logits: readonly Row[];
  /** The residual stream after each layer. */
  readonly hidden: readonly (readonly Row[])[];
  /** For each layer, the route of each token; empty for layers without experts. */
  readonly routes: readonly (readonly Route[])[];
}

/** The parts of a layer. Both get normed rows and return what is added to the residual stream. */
export interface Layer {
  readonly norms: readonly [mixer: string, mlp: string];
  mix(rows: readonly Row[]): readonly Row[];
  feed(row: Row): { readonly out: Row; readonly route?: Route };
}

/** Runs embedding, layers, final norm and head. */
export function pass(
  checkpoint: Checkpoint,
  ids: ArrayLike<number>,
  layers: readonly Layer[],
  {
    eps,
    finalNorm = "model.norm",
    tied,
  }: { readonly eps: number; readonly finalNorm?: string; readonly tied: boolean },
): Reference {
  const embedding = checkpoint.tensor("model.embed_tokens.weight");
  const [vocab, width] = embedding.shape;
  let rows: Row[] = Array.from(ids, (id) =>
    Float64Array.from({ length: width }, (_, i) => embedding.data[id * width + i]),
  );
  const hidden: Row[][] = [];
  const routes: Route[][] = [];
  for (const { norms, mix, feed } of layers) {
    const mixed = mix(rows.map((row) => norm(checkpoint, norms[0], row, eps)));
    rows = rows.map((row, t) => plus(row, mixed[t]));
    const fed = rows.map((row) => feed(norm(checkpoint, norms[1], row, eps)));
    rows = rows.map((row, t) => plus(row, fed[t].out));
    hidden.push(rows);
    routes.push(fed.flatMap(({ route }) => route ?? []));
  }
  const last = rows.map((row) => norm(checkpoint, finalNorm, row, eps));
  const head = (row: Row) => (tied ? times(embedding.data, vocab, row) : linear(checkpoint, "lm_head", row));
  return { logits: last.map(head), hidden, routes };
}
