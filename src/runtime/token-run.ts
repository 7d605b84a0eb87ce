/** The computing side of a generation: a session of its own, or one that is kept. */
import type { Turns } from "../base/turns.ts";
import type { SessionWatch } from "../model/pass/session-watch.ts";

/** What computes the tokens of one generation. */
export interface TokenRun extends Disposable {
  /** Tokens of the prompt that were computed before and are not computed again. */
  readonly reused: number;
  /** Until the next call of `evaluate`, another generation may take over the session. */
  pause(): void;
  /** Computes `ids` after the tokens that `before` returns; the first call has the prompt, with nothing before it. */
  evaluate(ids: readonly number[], before: () => readonly number[], turns: Turns, watch: SessionWatch): Promise<void>;
}
