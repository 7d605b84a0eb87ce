/**
 * Holds the weights that a pass is about to compute, one step after the other, for a store that does not keep all of them loaded. A step is
 * held before its calls are recorded, because they contain addresses, and released once they are played. If the experts of a step do
 * not fit together, its tap is given parts, and each part is a step.
 */
import type { Turns } from "../../base/turns.ts";
import type { Linear } from "../weights/linears.ts";
import type { Pass, Tap } from "./record/pass.ts";

export class HeldSteps implements Disposable {
  readonly #pass: Pass;
  #held: Disposable | undefined;
  /** The linears that are held, and those that no token needs. */
  #linears: ReadonlySet<Linear> = new Set();

  constructor(pass: Pass) {
    this.#pass = pass;
  }

  /** Whether calls that were recorded before the tap must be played before those after it are recorded. */
  mustPlay({ site, linears }: Tap): boolean {
    const { store } = this.#pass.weights;
    if (!store.isPaged) return false;
    return site === "hidden" || linears.some((linear) => !this.#linears.has(linear) && store.hasPage(linear));
  }

  /** Holds what is computed after the tap, if it is not held yet. All calls before the tap must have been played. */
  async at(tap: Tap, turns: Turns): Promise<void> {
    const { store } = this.#pass.weights;
    if (!store.isPaged) return;
    const { site, layer, linears } = tap;
    const isChosen = this.#chooser(tap);
    const needed = linears.filter(isChosen);
    if (needed.every((linear) => this.#linears.has(linear) || !store.hasPage(linear))) return;
    // Parts also have linears that need no page, since a pass computes nothing else.
    const parts = site === "part" ? [needed] : store.partsOf(needed);
    if (parts.length > 1) {
      this.release();
      tap.parts = parts;
      return;
    }
    // An expert is one page: what follows in its layer is held with it.
    const downs = site === "experts" ? this.#pass.weights.layers[layer].experts.map(({ down }) => down) : [];
    await this.hold([...needed, ...downs.filter(isChosen)], turns);
    this.#linears = new Set([...linears, ...downs]);
  }

  /** Holds these linears instead of those before. */
  async hold(linears: readonly Linear[], turns: Turns): Promise<void> {
    this.release();
    this.#held = await this.#pass.weights.store.hold(linears, turns);
    this.#linears = new Set(linears);
  }

  release(): void {
    this.#held?.[Symbol.dispose]();
    this.#held = undefined;
    this.#linears = new Set();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Tells the linears of experts to which at least one token of the pass was sent from the others. All other linears are needed. */
  #chooser({ site, layer, input }: Tap): (linear: Linear) => boolean {
    if (site !== "experts" && site !== "expertsDown") return () => true;
    const { state, emit, config } = this.#pass;
    const rows = site === "experts" ? input.rows : input.rows / config.topK;
    const chosen = new Set(emit.machine.arena.i32(state.routes[layer].experts, rows * config.topK));
    return ({ expert }) => chosen.has(expert);
  }
}
