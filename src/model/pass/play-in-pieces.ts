/**
 * Passes that are played piece by piece: to show the residual stream, or since the weights are not all there. Then the tape is cut
 * before the experts of each layer, so that the store sees which of them tokens were sent to, and brings those. The calls are the
 * same as of a pass that is played whole, and so are the bits.
 */
import type { Turns } from "../../base/turns.ts";
import { type Pass, recordBlock, recordEmbedding, type Tap } from "./forward.ts";

/**
 * Has the store bring what is computed behind a tap, all before which has been played: the chosen experts at the tap `experts`, nothing
 * elsewhere. What it gives is disposed once they are computed; undefined where the store holds everything anyway.
 */
export async function holdExperts(pass: Pass, tap: Tap, turns: Turns): Promise<Disposable | undefined> {
  const { store } = pass.weights;
  if (!store.needsRoutes || tap.site !== "experts") return undefined;
  return store.hold(tap.layer, chosenExperts(pass, tap.layer), turns);
}

/** The experts that at least one token of the pass was sent to. */
function chosenExperts({ state, emit, config, tokens }: Pass, layer: number): ReadonlySet<number> {
  return new Set(emit.machine.arena.i32(state.routes[layer].experts, tokens * config.topK));
}

/** Embedding and all blocks. `onHidden` is called with the residual stream that leaves each block. */
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
  // Its tables hold addresses of experts that may go.
  if (needsRoutes) pass.emit.pool.clear();
}

/** Plays what a pass has recorded so far, and takes it off the tape. */
export async function playRecorded({ emit: { tape } }: Pass, turns: Turns): Promise<void> {
  await tape.runInTurns(turns);
  tape.clear();
}
