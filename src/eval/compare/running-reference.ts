/** Runs windows through a model and gives the logits and routes that a comparison needs. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Session } from "../../model/pass/session.ts";
import type { LogitRows } from "../../model/pass/session-watch.ts";
import { stride } from "../../tensor/matrix.ts";
import { SCORING_BATCH } from "../scoring/scored-windows.ts";
import { type ReferenceRows, type ReferenceShape, type ReferenceWindow, shapeOf } from "./reference.ts";

export class Follower implements ReferenceRows, Disposable {
  readonly shape: ReferenceShape;
  readonly #model: Model;
  readonly #session: Session;
  #routes: number[][] = [];

  /** @param context tokens of the longest window. */
  constructor(model: Model, context: number) {
    this.shape = shapeOf(model.config);
    this.#model = model;
    this.#session = model.session({ context, batch: SCORING_BATCH, logits: "all", keepRoutes: true });
  }

  async run(ids: readonly number[], turns: Turns, onLogits: (logits: LogitRows) => void): Promise<void> {
    this.#session.truncate(0);
    this.#routes = this.shape.moeLayers.map(() => []);
    await this.#session.evaluate(ids, turns, {
      onLogits: (logits) => {
        this.#keepRoutes(logits.rows);
        onLogits(logits);
      },
    });
  }

  async window(_place: number, ids: readonly number[], turns: Turns): Promise<ReferenceWindow> {
    const width = stride(this.shape.vocabSize);
    const logits = new Float32Array(ids.length * width);
    await this.run(ids, turns, ({ ptr, rows, first }) => {
      logits.set(this.#model.machine.arena.f32(ptr, rows * width), first * width);
    });
    return {
      routes: this.takeRoutes(),
      copyLogits: (into, ld, first, rows) => {
        for (let row = 0; row < rows; row++) {
          const from = (first + row) * width;
          into.set(logits.subarray(from, from + this.shape.vocabSize), row * ld);
        }
      },
    };
  }

  /** The routes of the window that ran last. */
  takeRoutes(): readonly Int32Array[] {
    return this.#routes.map((flat) => sortedSets(flat, this.shape.topK));
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  #keepRoutes(rows: number): void {
    const { arena } = this.#model.machine;
    this.shape.moeLayers.forEach((layer, place) => {
      const chosen = arena.i32(this.#session.state.routes[layer].experts, rows * this.shape.topK);
      this.#routes[place].push(...chosen);
    });
  }
}

function sortedSets(flat: readonly number[], topK: number): Int32Array {
  const sets = Int32Array.from(flat);
  for (let at = 0; at < sets.length; at += topK) sets.subarray(at, at + topK).sort();
  return sets;
}
