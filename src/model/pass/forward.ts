/**
 * Records the forward pass, which is the same for all families: embedding -> blocks -> logits.
 *
 * It records kernel calls on a tape and computes nothing itself. It is a generator that yields a Tap before each group of linears that
 * share an input. Inference ignores the taps and replays the tape for every token. Calibration plays the calls recorded so far at
 * each tap, reads the input and quantises; the calls recorded after that use the new weights.
 */
import { embed } from "../../nn/embedding.ts";
import { type Activations, lastRows } from "../../nn/emit.ts";
import { project } from "../../nn/linear.ts";
import { rmsNorm, scale } from "../../nn/norm.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Mlp } from "../weights/weight-tree.ts";
import { lastTokens, type Pass, type Runnable, type Tap } from "./record/pass.ts";
import { recordExperts } from "./record/record-experts.ts";
import { recordMixer } from "./record/record-mixer.ts";
import { recordDense } from "./record/record-mlp.ts";
import { rowsOf, type State } from "./state/pass-state.ts";

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
    span: state.span,
    outputs: tokens,
    visible,
    emit: { machine, tape: machine.tape(), pool, activations, prepared },
  };
}

/** Records h[T,D] = embedding[ids] * scale. */
export function recordEmbedding(pass: Pass): void {
  const { state, tokens, config, weights, emit } = pass;
  const h = rowsOf(state.hidden, tokens, config.hiddenSize);
  embed(emit, h, state.ids, weights.embedding.matrix);
  scale(emit, h, config.embeddingScale);
}

/**
 * Records one block: attention, then experts or a dense MLP. Both are added to the residual stream h. The second half of the last block
 * computes only tokens whose outputs are wanted.
 */
export function* recordBlock(pass: Pass, layer: number): Generator<Tap, void> {
  const { state, tokens, config, emit } = pass;
  const weights = pass.weights.layers[layer];
  const all = rowsOf(state.hidden, tokens, config.hiddenSize);
  const allNormed = rowsOf(state.normed, tokens, config.hiddenSize);
  rmsNorm(emit, allNormed, all, weights.normAttention, config.rmsNormEps);
  const rest = layer === config.layers - 1 ? lastTokens(pass, pass.outputs) : pass;
  const h = lastRows(all, rest.tokens);
  const x = lastRows(allNormed, rest.tokens);
  yield* recordMixer(pass, layer, weights.mixer, allNormed, h);
  rmsNorm(emit, x, h, weights.normMlp, config.rmsNormEps);
  yield { site: "mlp", layer, linears: [], input: x };
  if (weights.router === undefined) yield* recordDense(rest, layer, weights.dense as Mlp, x, h);
  else yield* recordExperts(rest, layer, { ...weights, router: weights.router }, x, h);
  yield { site: "hidden", layer, linears: [], input: h };
}

/** Records the final norm and the head for `rows` tokens from `first` on. Default: the last `logitRows` tokens. */
export function recordHead(
  pass: Pass,
  rows: number = Math.min(pass.state.logitRows, pass.tokens),
  first: number = pass.tokens - rows,
): void {
  const { state, config, weights, emit } = pass;
  const { input: x } = recordHeadInput(pass, rows, first);
  const { matrix, bias } = weights.head;
  const targets = [{ matrix, bias, span: emit.pool.intern([0, rows]), out: state.logits }];
  project(emit, { input: x, index: 0, targets, rows, exact: true });
  scale(emit, rowsOf(state.logits, rows, config.vocabSize), config.logitScale);
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

/** Records the final norm of `rows` tokens from `first` on, and returns it as the head's tap. */
export function recordHeadInput({ state, config, weights, emit }: Pass, rows: number, first: number): Tap {
  const start = first * rowsOf(0, 1, config.hiddenSize).ld * 4;
  const h = rowsOf(state.hidden + start, rows, config.hiddenSize);
  const x = rowsOf(state.normed + start, rows, config.hiddenSize);
  rmsNorm(emit, x, h, weights.normFinal, config.rmsNormEps);
  return { site: "head", layer: -1, linears: [weights.head], input: x };
}
