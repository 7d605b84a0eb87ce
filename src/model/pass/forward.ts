/**
 * Records the forward pass, which is the same for all families: embedding -> blocks -> logits.
 *
 * It records kernel calls on a tape and computes nothing itself. It is a generator that yields a Tap before each group of linears that
 * share an input. Inference ignores the taps and replays the tape for every token. Calibration plays the calls recorded so far at
 * each tap, reads the input and quantises; the calls recorded after that use the new weights.
 */
import { UnsupportedError, UsageError } from "../../base/errors.ts";
import { attend } from "../../nn/attention.ts";
import { embed } from "../../nn/embedding.ts";
import type { Activations, Emit, Rows } from "../../nn/emit.ts";
import { project, type Target } from "../../nn/linear.ts";
import { combine, route, swiglu } from "../../nn/mlp.ts";
import { add, rmsNorm } from "../../nn/norm.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { ModelConfig } from "../config/model-config.ts";
import type { Linear } from "../weights/linears.ts";
import type { LinearSite } from "../weights/sites.ts";
import type { LayerWeights, Mlp, Weights } from "../weights/weight-tree.ts";
import { rowsOf, type State } from "./pass-state.ts";

/**
 * The input of some linears, before it is used. Two taps have no linears: `mlp` is the normed input of a block's MLP or experts, and
 * `hidden` is the residual stream after the block.
 */
export interface Tap {
  readonly site: LinearSite | "mlp" | "hidden";
  readonly layer: number;
  readonly linears: readonly Linear[];
  readonly input: Rows;
  /** For routed experts: addresses of `{ start, count }` of each expert's compact rows, and of each row's input row (0: the same row). */
  readonly spans?: number;
  readonly index?: number;
}

/** One pass over `tokens` tokens, whose ids and positions are in the state. */
export interface Pass {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly state: State;
  readonly emit: Emit;
  readonly tokens: number;
  /** Most cache rows that a token sees. Only used to choose time slices. */
  readonly visible: number;
}

/** The parts of a model that are needed to run it. */
export interface Runnable {
  readonly machine: Machine;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly activations: Activations;
}

/** A pass that records on an empty tape. Default arithmetic: the model's. */
export function createPass(
  model: Runnable,
  state: State,
  tokens: number,
  visible: number,
  activations: Activations = model.activations,
): Pass {
  const { machine, config, weights } = model;
  const { pool, prepared } = state;
  return {
    config,
    weights,
    state,
    tokens,
    visible,
    emit: { machine, tape: machine.tape(), pool, activations, prepared },
  };
}

/** Records the embedding and all blocks without stopping at taps. All weights must be loaded. */
export function recordBody(pass: Pass): void {
  if (pass.weights.store.needsRoutes) throw new Error("a store that needs routes has its passes played in pieces");
  recordEmbedding(pass);
  for (let layer = 0; layer < pass.config.layers; layer++) for (const _ of recordBlock(pass, layer));
}

/** Records h[T,D] = embedding[ids]. */
export function recordEmbedding(pass: Pass): void {
  const { state, tokens, config, weights, emit } = pass;
  embed(emit, rowsOf(state.hidden, tokens, config.hiddenSize), state.ids, weights.embedding.matrix);
}

/** Records one block: attention, then experts or a dense MLP. Both are added to the residual stream h. */
export function* recordBlock(pass: Pass, layer: number): Generator<Tap, void> {
  const { state, tokens, config, emit } = pass;
  const weights = pass.weights.layers[layer];
  const h = rowsOf(state.hidden, tokens, config.hiddenSize);
  const x = rowsOf(state.normed, tokens, config.hiddenSize);
  rmsNorm(emit, x, h, weights.normAttention, config.rmsNormEps);
  yield* recordAttention(pass, layer, weights, x, h);
  rmsNorm(emit, x, h, weights.normMlp, config.rmsNormEps);
  yield { site: "mlp", layer, linears: [], input: x };
  if (weights.router === undefined) yield* recordDense(pass, layer, weights.dense as Mlp, x, h);
  else yield* recordExperts(pass, layer, { ...weights, router: weights.router }, x, h);
  yield { site: "hidden", layer, linears: [], input: h };
}

/** Records the final norm and the head for `rows` tokens from `first` on. Default: the last `logitRows` tokens. */
export function recordHead(
  pass: Pass,
  rows: number = Math.min(pass.state.logitRows, pass.tokens),
  first: number = pass.tokens - rows,
): void {
  const { state, config, weights, emit } = pass;
  const start = first * rowsOf(0, 1, config.hiddenSize).ld * 4;
  const h = rowsOf(state.hidden + start, rows, config.hiddenSize);
  const x = rowsOf(state.normed + start, rows, config.hiddenSize);
  rmsNorm(emit, x, h, weights.normFinal, config.rmsNormEps);
  const { matrix, bias } = weights.head;
  const targets = [{ matrix, bias, span: emit.pool.intern([0, rows]), out: state.logits }];
  project(emit, { input: x, index: 0, targets, rows, exact: true });
  emit.tape.call(
    "finite_rows",
    rows,
    config.vocabSize,
    state.finite,
    state.logits,
    stride(config.vocabSize),
    config.vocabSize,
  );
}

function* recordAttention(pass: Pass, layer: number, weights: LayerWeights, x: Rows, h: Rows): Generator<Tap, void> {
  const { state, tokens, config, emit } = pass;
  const kvWidth = config.kvHeads * config.headDim;
  const q = rowsOf(state.query, tokens, config.heads * config.headDim);
  const k = rowsOf(state.key, tokens, kvWidth);
  const v = rowsOf(state.value, tokens, kvWidth);
  const attended = rowsOf(state.attended, tokens, config.heads * config.headDim);
  const branch = rowsOf(state.branch, tokens, config.hiddenSize);
  yield { site: "attention", layer, linears: [weights.q, weights.k, weights.v], input: x };
  projectDense(pass, x, [weights.q, q], [weights.k, k], [weights.v, v]);
  const cached = { cache: state.cache[layer], places: state.places, ropeTable: state.ropeTable };
  attend(emit, config, { q, k, v, out: attended, ...cached, visible: pass.visible });
  yield { site: "output", layer, linears: [weights.o], input: attended };
  projectDense(pass, attended, [weights.o, branch]);
  add(emit, h, branch);
}

function* recordExperts(
  pass: Pass,
  layer: number,
  weights: LayerWeights & { readonly router: Linear },
  x: Rows,
  h: Rows,
): Generator<Tap, void> {
  const { router, sharedGate } = weights;
  // A configuration can ask for this gate, but no family has it yet and no pass computes it. It must not be ignored silently.
  if (sharedGate !== undefined)
    throw new UnsupportedError(sharedGate.name, "a gate of the shared experts", ["shared experts without one"]);
  const { state, tokens, config, emit } = pass;
  const routes = state.routes[layer];
  const rows = tokens * config.topK;
  yield { site: "router", layer, linears: [router], input: x };
  const logits = rowsOf(state.routerLogits, tokens, config.experts);
  projectDense(pass, x, [router, logits]);
  route(emit, config, routes, logits);
  const gate = rowsOf(state.gate, rows, config.expertWidth);
  const up = rowsOf(state.up, rows, config.expertWidth);
  const down = rowsOf(state.down, rows, config.hiddenSize);
  const to = (linears: readonly Linear[], out: Rows): readonly Target[] =>
    linears.map(({ matrix, bias }, expert) => ({ matrix, bias, span: routes.spans + 8 * expert, out: out.ptr }));
  const gates = weights.experts.map((mlp) => mlp.gate);
  const ups = weights.experts.map((mlp) => mlp.up);
  const downs = weights.experts.map((mlp) => mlp.down);
  yield { site: "experts", layer, linears: [...gates, ...ups], input: x, spans: routes.spans, index: routes.index };
  const targets = [...to(gates, gate), ...to(ups, up)];
  project(emit, { input: x, index: routes.index, targets, rows: 2 * rows, scales: scalesOf(pass, gates[0]) });
  swiglu(emit, gate, up);
  yield { site: "expertsDown", layer, linears: downs, input: gate, spans: routes.spans, index: 0 };
  project(emit, { input: gate, index: 0, targets: to(downs, down), rows, scales: scalesOf(pass, downs[0]) });
  let shared: Rows | undefined;
  if (weights.shared !== undefined) {
    shared = rowsOf(state.branch, tokens, config.hiddenSize);
    const shape = { layer, mlp: weights.shared, sites: ["shared", "sharedDown"], width: config.sharedWidth } as const;
    yield* recordMlp(pass, shape, x, shared);
  }
  combine(emit, h, { routed: down, routes, topK: config.topK, shared });
}

function* recordDense(pass: Pass, layer: number, mlp: Mlp, x: Rows, h: Rows): Generator<Tap, void> {
  const branch = rowsOf(pass.state.branch, pass.tokens, pass.config.hiddenSize);
  const shape = { layer, mlp, sites: ["dense", "denseDown"], width: pass.config.denseWidth } as const;
  yield* recordMlp(pass, shape, x, branch);
  add(pass.emit, h, branch);
}

/** An MLP that computes every token: the sites of its gate and its down projection, and the number of columns between them. */
interface DenseMlp {
  readonly layer: number;
  readonly mlp: Mlp;
  readonly sites: readonly [Tap["site"], Tap["site"]];
  readonly width: number;
}

/** Records out = down(silu(gate(x)) * up(x)) for all tokens, for dense layers and shared experts. */
function* recordMlp(pass: Pass, { layer, mlp, sites, width }: DenseMlp, x: Rows, out: Rows): Generator<Tap, void> {
  const gate = rowsOf(pass.state.gate, pass.tokens, width);
  const up = rowsOf(pass.state.up, pass.tokens, width);
  yield { site: sites[0], layer, linears: [mlp.gate, mlp.up], input: x };
  projectDense(pass, x, [mlp.gate, gate], [mlp.up, up]);
  swiglu(pass.emit, gate, up);
  yield { site: sites[1], layer, linears: [mlp.down], input: gate };
  projectDense(pass, gate, [mlp.down, out]);
}

/** Records linears that compute every token. The router's input is never rounded. */
function projectDense(pass: Pass, input: Rows, ...pairs: readonly (readonly [Linear, Rows])[]): void {
  const span = pass.state.span;
  const targets = pairs.map(([{ matrix, bias }, out]) => ({ matrix, bias, span, out: out.ptr }));
  const [first] = pairs[0];
  const exact = first.role === "router";
  const scales = exact ? 0 : scalesOf(pass, first);
  project(pass.emit, { input, index: 0, targets, rows: pass.tokens * pairs.length, exact, scales });
}

/** Address of the fixed scales of study activations for a linear's input; 0 if each row gets its own scales. */
function scalesOf({ emit: { activations } }: Pass, { name }: Linear): number {
  if (activations.mode !== "study" || activations.scales === undefined) return 0;
  const address = activations.scales.get(name);
  if (address === undefined) throw new UsageError(`study activations: ${name}`, "no scales", "scales of this model");
  return address;
}
