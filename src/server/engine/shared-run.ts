/** The computing side of a generation in a shared session: a sequence of its own, whose rows other sequences' passes compute too. */
import type { Turns } from "../../base/turns.ts";
import type { LogitRows, SessionWatch } from "../../model/pass/session-watch.ts";
import type { SharedSequence } from "../../model/pass/shared/shared-sequence.ts";
import type { TokenRun } from "../../runtime/token-run.ts";
import type { RequestEnd } from "../scheduling/request-end.ts";

export interface SharedRunOptions {
  /** The request that the run belongs to. */
  readonly end: RequestEnd;
  /** Whether logits after each token of the prompt are wanted, and not after its last only. */
  readonly every: boolean;
  /** Called with each row of logits that is wanted, before the generation draws from it. */
  readonly onRow?: (row: LogitRows) => void;
}

export class SharedRun implements TokenRun {
  readonly reused = 0;
  readonly #sequence: SharedSequence;
  readonly #options: SharedRunOptions;

  constructor(sequence: SharedSequence, options: SharedRunOptions) {
    this.#sequence = sequence;
    this.#options = options;
  }

  /** A sequence that waits for nothing gives up its rows by itself when others need them. */
  pause(): void {}

  async evaluate(ids: readonly number[], _before: unknown, turns: Turns, watch: SessionWatch): Promise<void> {
    using _watching = this.#options.end.watch(() => this.#sequence[Symbol.dispose]());
    const last = this.#sequence.ids.length + ids.length - 1;
    const onLogits = (row: LogitRows) => {
      this.#options.onRow?.(row);
      if (row.first === last) watch.onLogits?.(row);
    };
    try {
      await this.#sequence.evaluate(ids, { onLogits, from: this.#options.every ? 0 : undefined });
    } catch (error) {
      turns.check();
      throw error;
    }
    watch.onTokens?.(ids.length);
  }

  [Symbol.dispose](): void {
    this.#sequence[Symbol.dispose]();
  }
}
