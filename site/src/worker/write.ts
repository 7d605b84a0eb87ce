/** Writes text and tells which experts took each token. */
import type { Turns } from "../../../src/base/turns.ts";
import type { Session } from "../../../src/model/pass/session.ts";
import type { SessionWatch } from "../../../src/model/pass/session-watch.ts";
import { runGeneration } from "../../../src/runtime/generate.ts";
import type { LanguageModel } from "../../../src/runtime/language-model.ts";
import type { TokenRun } from "../../../src/runtime/token-run.ts";
import type { Sampling, Token, TokenRoute, Written } from "../engine/wishes.ts";

/** Tokens are told in groups, at most so many milliseconds after they are there. */
const PATIENCE_MS = 24;

interface Wish {
  readonly prompt: string;
  readonly sampling: Sampling;
}

interface Running {
  readonly signal: AbortSignal;
  readonly tell: (tokens: readonly Token[]) => void;
}

export async function write(
  model: LanguageModel,
  { prompt, sampling }: Wish,
  { signal, tell }: Running,
): Promise<Written> {
  let routed: RoutedRun | undefined;
  const open = (context: number) => {
    routed = new RoutedRun(model, context);
    return routed;
  };
  const pieces = runGeneration(model, prompt, { options: { ...sampling, signal }, open });
  const told = new Told(tell);
  let step = await pieces.next();
  for (; !step.done; step = await pieces.next()) {
    // A token goes through the experts when the next one is computed, so its routes come one step later than its text.
    told.routesOfLast(routed?.lastRoutes ?? []);
    told.add(step.value.id ?? -1, step.value.text);
  }
  const { text, stopReason, promptTokens, timings } = step.value;
  told.routesOfLast(sampling.maxTokens > 0 && stopReason !== "length" ? (routed?.lastRoutes ?? []) : []);
  told.flush();
  return { text, stopReason, promptTokens, ...timings };
}

/** Groups tokens into messages. The last one waits for its routes. */
class Told {
  readonly #tell: (tokens: readonly Token[]) => void;
  #waiting: Token[] = [];
  #since = performance.now();

  constructor(tell: (tokens: readonly Token[]) => void) {
    this.#tell = tell;
  }

  add(id: number, text: string): void {
    if (this.#waiting.length > 0 && performance.now() - this.#since > PATIENCE_MS) this.flush();
    this.#waiting.push({ id, text, routes: [] });
  }

  routesOfLast(routes: readonly TokenRoute[]): void {
    const last = this.#waiting.pop();
    if (last !== undefined) this.#waiting.push({ ...last, routes });
  }

  flush(): void {
    if (this.#waiting.length > 0) this.#tell(this.#waiting);
    this.#waiting = [];
    this.#since = performance.now();
  }
}

/** A run that keeps the routes of its last pass. */
class RoutedRun implements TokenRun {
  readonly reused = 0;
  readonly #model: LanguageModel;
  readonly #session: Session;
  lastRoutes: readonly TokenRoute[] = [];

  constructor(model: LanguageModel, context: number) {
    this.#model = model;
    this.#session = model.session({ context, keepRoutes: model.config.moeLayers.some((moe) => moe) });
  }

  pause(): void {}

  async evaluate(
    ids: readonly number[],
    _before: () => readonly number[],
    turns: Turns,
    watch: SessionWatch,
  ): Promise<void> {
    await this.#session.evaluate(ids, turns, watch);
    this.lastRoutes = ids.length === 1 ? this.#readRoutes() : [];
  }

  #readRoutes(): readonly TokenRoute[] {
    const { config, machine } = this.#model;
    const { routes } = this.#session.state;
    return config.moeLayers.flatMap((moe, layer) => {
      if (!moe) return [];
      const experts = Array.from(machine.arena.i32(routes[layer].experts, config.topK));
      const weights = Array.from(machine.arena.f32(routes[layer].weights, config.topK));
      return [{ layer, experts, weights }];
    });
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }
}
