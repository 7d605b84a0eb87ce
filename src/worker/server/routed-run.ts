/** A run of a generation that keeps the routes of its last pass. */
import type { Turns } from "../../base/turns.ts";
import type { Session } from "../../model/pass/session.ts";
import type { SessionWatch } from "../../model/pass/session-watch.ts";
import type { LanguageModel } from "../../runtime/language-model.ts";
import type { TokenRun } from "../../runtime/token-run.ts";
import type { TokenRoute } from "../wire/worker-calls.ts";

export class RoutedRun implements TokenRun {
  readonly reused = 0;
  readonly #model: LanguageModel;
  readonly #session: Session;
  #last: readonly TokenRoute[] | undefined;

  constructor(model: LanguageModel, context: number) {
    this.#model = model;
    this.#session = model.session({ context, keepRoutes: model.config.moeLayers.some((moe) => moe) });
  }

  /** The routes of the token that was computed last, given once; undefined if none was since. */
  take(): readonly TokenRoute[] | undefined {
    const routes = this.#last;
    this.#last = undefined;
    return routes;
  }

  pause(): void {}

  async evaluate(
    ids: readonly number[],
    before: () => readonly number[],
    turns: Turns,
    watch: SessionWatch,
  ): Promise<void> {
    await this.#session.evaluate(ids, turns, watch);
    // Without anything before it, this is the prompt.
    this.#last = before().length === 0 ? undefined : this.#read();
  }

  #read(): readonly TokenRoute[] {
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
