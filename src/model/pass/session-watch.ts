/** Defines what a session tells while it computes: logits, progress, and the residual stream. */
import type { KnownOptions } from "../../base/known-options.ts";
import type { Tap } from "./record/pass.ts";

/** Logits of the tokens of one pass; valid until the next call of the session. */
export interface LogitRows {
  /** Address of f32 [rows, vocabSize] with a row stride of `ld` elements. */
  readonly ptr: number;
  readonly ld: number;
  readonly rows: number;
  /** Index in the whole input of the first row's token. */
  readonly first: number;
}

/** Callbacks while a session computes. */
export interface SessionWatch {
  /** Called for each batch that has logits; with `last`, only for the final one. */
  readonly onLogits?: (logits: LogitRows) => void;
  /** Called after each batch with the number of tokens done. */
  readonly onTokens?: (done: number) => void;
}

/** Callbacks of a run that stops after each block. */
export interface TappedWatch extends Pick<SessionWatch, "onLogits"> {
  /** Called with the residual stream after the block, as `input`. */
  readonly onHidden: (tap: Tap) => void;
}

export const NO_WATCH: SessionWatch = {};
export const SESSION_WATCH: KnownOptions<SessionWatch> = { onLogits: true, onTokens: true };
export const TAPPED_WATCH: KnownOptions<TappedWatch> = { onHidden: true, onLogits: true };
