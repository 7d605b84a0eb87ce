/** The sessions of a benchmark, one for each depth, and the tests that run on them. */
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Session } from "../../model/pass/session.ts";
import { cacheBytesPerToken } from "../../model/pass/state/mixer-widths.ts";
import { benchIds } from "../bench-ids.ts";
import type { SpeedTest } from "./speed-tests.ts";

/** Decoded tokens before anything is measured: they record the tape of a token. */
const WARM_TOKENS = 4;

export class SpeedSessions implements Disposable {
  readonly tests: readonly SpeedTest[];
  /** Bytes of the keys and values of all sessions. */
  readonly cacheBytes: number;
  readonly #sessions: Map<number, Session> = new Map();
  readonly #ids: readonly number[];

  /** @throws MemoryError if the sessions do not fit. */
  constructor(model: Model, tests: readonly SpeedTest[]) {
    const contexts = new Map<number, number>();
    for (const { depth, tokens } of tests) contexts.set(depth, Math.max(contexts.get(depth) ?? 0, depth + tokens));
    try {
      for (const [depth, context] of contexts) this.#sessions.set(depth, model.session({ context }));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
    const rows = [...contexts.values()].reduce((sum, context) => sum + context, 0);
    this.cacheBytes = rows * cacheBytesPerToken(model.config, model.cache);
    this.tests = tests;
    this.#ids = benchIds(Math.max(...contexts.values()), model.config.vocabSize);
  }

  /** Runs a test that is not measured: what it computes first is compiled, recorded or allocated. */
  async warmUp(test: SpeedTest, turns: Turns): Promise<void> {
    const tokens = test.kind === "prompt" ? test.tokens : Math.min(WARM_TOKENS, test.tokens);
    await this.rate({ ...test, tokens }, turns);
  }

  /** Runs a test. @returns tokens per second. */
  async rate({ kind, tokens, depth }: SpeedTest, turns: Turns): Promise<number> {
    const session = this.#sessions.get(depth) as Session;
    session.truncate(depth);
    // A convolution's state of so long ago may be lost.
    if (session.position < depth) await session.evaluate(this.#ids.slice(session.position, depth), turns);
    const ids = this.#ids.slice(depth, depth + tokens);
    const begin = performance.now();
    if (kind === "prompt") await session.evaluate(ids, turns);
    else await decode(session, ids, turns);
    return (1000 * tokens) / (performance.now() - begin);
  }

  [Symbol.dispose](): void {
    for (const session of this.#sessions.values()) session[Symbol.dispose]();
  }
}

/** Evaluates the ids one by one, as generation does. */
async function decode(session: Session, ids: readonly number[], turns: Turns): Promise<void> {
  const one = [0];
  for (const id of ids) {
    one[0] = id;
    await session.evaluate(one, turns);
  }
}
