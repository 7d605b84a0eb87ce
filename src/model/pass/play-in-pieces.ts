/**
 * Plays passes piece by piece, either to show the residual stream, or because not all weights are loaded. In the latter case the tape
 * is cut before the experts of each layer, so that the store can load the experts to which tokens were sent. The calls are the same
 * as in a pass that is played whole, and so are the bits.
 */
import type { Turns } from "../../base/turns.ts";
import { recordBlock, recordEmbedding } from "./forward.ts";
import type { Pass, Tap } from "./record/pass.ts";

/**
 * At the tap `experts`, lets the store load the chosen experts; all calls before the tap must have been played. The caller disposes the
 * returned object once the experts are computed. Undefined at other taps, and if the store keeps all weights loaded.
 */
export async function holdExperts(pass: Pass, tap: Tap, turns: Turns): Promise<Disposable | undefined> {
  const { store } = pass.weights;
  if (!store.needsRoutes || tap.site !== "experts") return undefined;
  return store.hold(tap.layer, chosenExperts(pass, tap), turns);
}

/** The experts to which at least one token of the pass was sent. */
function chosenExperts({ state, emit, config }: Pass, { layer, input }: Tap): ReadonlySet<number> {
  return new Set(emit.machine.arena.i32(state.routes[layer].experts, input.rows * config.topK));
}

/** Plays the embedding and all blocks. `onHidden` is called with the residual stream after each block. */
export async function playBody(pass: Pass, turns: Turns, onHidden?: (tap: Tap) => void): Promise<void> {
  recordEmbedding(pass);
  for (let layer = 0; layer < pass.config.layers; layer++) await playBlock(pass, layer, turns, onHidden);
}

async function playBlock(pass: Pass, layer: number, turns: Turns, onHidden?: (tap: Tap) => void): Promise<void> {
  const { needsRoutes } = pass.weights.store;
  let held: Disposable | undefined;
  try {
    for (const tap of recordBlock(pass, layer)) {
      const isShown = tap.site === "hidden" && onHidden !== undefined;
      if (isShown || (needsRoutes && (tap.site === "experts" || tap.site === "hidden")))
        await playRecorded(pass, turns);
      held ??= await holdExperts(pass, tap, turns);
      if (isShown) onHidden(tap);
    }
  } finally {
    held?.[Symbol.dispose]();
  }
  // The pool's tables contain addresses of experts that may be evicted.
  if (needsRoutes) pass.emit.pool.clear();
}

/** Plays the calls that a pass has recorded so far, and clears the tape. */
export async function playRecorded({ emit: { tape } }: Pass, turns: Turns): Promise<void> {
  await tape.runInTurns(turns);
  tape.clear();
}
