/** A session that keeps its tokens: a prompt that begins with the same ones is computed only from where it differs. */
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Session } from "../../model/pass/session.ts";
import type { SessionWatch } from "../../model/pass/session-watch.ts";
import type { TokenRun } from "../token-run.ts";

/** Least tokens that a session has room for: a longer conversation takes a session of twice the size, and is computed again. */
const LEAST_CONTEXT = 1024;

export class KeptSession implements Disposable {
  readonly #model: Model;
  #session: Session | undefined;
  /** The tokens in the session's cache. */
  #tokens: number[] = [];
  #reused = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  /** Tokens of the last prompt that were in the cache already. */
  get reused(): number {
    return this.#reused;
  }

  /** A run of one generation for sequences of up to `context` tokens. It leaves its tokens in the session. */
  run(context: number): TokenRun {
    let isPrompt = true;
    const kept = this;
    return {
      get reused() {
        return kept.#reused;
      },
      pause() {},
      evaluate(ids, _before, turns, watch) {
        if (!isPrompt) return kept.#append(ids, turns, watch);
        isPrompt = false;
        return kept.#prompt(ids, { context, turns, watch });
      },
      [Symbol.dispose]() {},
    };
  }

  async #prompt(
    ids: readonly number[],
    { context, turns, watch }: { readonly context: number; readonly turns: Turns; readonly watch: SessionWatch },
  ): Promise<void> {
    const session = this.#sessionFor(context);
    // The last token is computed in any case: its logits are needed.
    session.truncate(Math.min(commonLength(this.#tokens, ids), ids.length - 1));
    // A session may go back further than it was told to, if its state cannot be cut anywhere.
    const same = session.position;
    this.#tokens = [...ids.slice(0, same)];
    this.#reused = same;
    const onTokens = (done: number) => watch.onTokens?.(same + done);
    await this.#append(same === 0 ? ids : ids.slice(same), turns, { ...watch, onTokens });
  }

  /** What was computed before an abort stays in the session. */
  async #append(ids: readonly number[], turns: Turns, watch: SessionWatch): Promise<void> {
    const session = this.#session!;
    for (const id of ids) this.#tokens.push(id);
    try {
      await session.evaluate(ids, turns, watch);
    } finally {
      this.#tokens.length = session.position;
    }
  }

  #sessionFor(context: number): Session {
    if (this.#session !== undefined && this.#session.context >= context) return this.#session;
    this.clear();
    let size = LEAST_CONTEXT;
    while (size < context) size *= 2;
    this.#session = this.#model.session({ context: Math.min(size, this.#model.config.maxPositions) });
    return this.#session;
  }

  /** Forgets all tokens and frees the session. */
  clear(): void {
    this.#session?.[Symbol.dispose]();
    this.#session = undefined;
    this.#tokens = [];
    this.#reused = 0;
  }

  [Symbol.dispose](): void {
    this.clear();
  }
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}
