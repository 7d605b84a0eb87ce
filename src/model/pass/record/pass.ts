/** The types of a recorded pass: what it runs on, and the taps at which it stops. */
import type { CacheType } from "../../../nn/attention.ts";
import type { Activations, Emit, Rows } from "../../../nn/emit.ts";
import type { Machine } from "../../../wasm/machine.ts";
import type { ModelConfig } from "../../config/model-config.ts";
import type { Linear } from "../../weights/linears.ts";
import type { LinearSite } from "../../weights/sites.ts";
import type { Weights } from "../../weights/weight-tree.ts";
import type { State } from "../state/pass-state.ts";

/**
 * The input of some linears, before it is used. Two taps have no linears: `mlp` is the normed input of a block's MLP or experts, and
 * `hidden` is the residual stream after the block. The head's tap (layer -1) comes after all blocks. A tap of routed experts whose weights
 * are not in memory together is followed by a tap `part` for each of its parts.
 */
export interface Tap {
  readonly site: LinearSite | "part" | "mlp" | "hidden" | "head";
  readonly layer: number;
  readonly linears: readonly Linear[];
  readonly input: Rows;
  /** For routed experts: addresses of `{ start, count }` of each expert's compact rows, and of each row's input row (0: the same row). */
  readonly spans?: number;
  readonly index?: number;
  /** Set by who plays the pass: linears of this tap that are computed one part after the other. */
  parts?: readonly (readonly Linear[])[];
}

/** One pass over `tokens` tokens, whose ids and positions are in the state. */
export interface Pass {
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly state: State;
  readonly emit: Emit;
  readonly tokens: number;
  /** Address of `{ 0, tokens }`: the rows for linears that compute every token. */
  readonly span: number;
  /** Last tokens whose hidden states after the last layer are wanted. Of others, that layer computes no more than what later tokens see. */
  readonly outputs: number;
  /** Most cache rows that a token sees. Only used to choose time slices. */
  readonly visible: number;
}

/** The pass over its last `tokens` tokens, whose rows come first in buffers that are written anew. */
export function lastTokens(pass: Pass, tokens: number): Pass {
  return tokens === pass.tokens ? pass : { ...pass, tokens, span: pass.emit.pool.intern([0, tokens]) };
}

/** The parts of a model that are needed to run it. */
export interface Runnable {
  readonly machine: Machine;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly activations: Activations;
  /** Number format of keys and values in sessions. Default f32. */
  readonly cache?: CacheType;
}
