/**
 * Plays passes piece by piece, either to show the residual stream, or because not all weights are loaded. In the latter case the tape
 * is cut before linears that the store does not keep, so that it can load them. The calls are the same as in a pass that is played
 * whole, and so are the bits.
 */
import type { Turns } from "../../base/turns.ts";
import { recordBlock, recordEmbedding, recordHead } from "./forward.ts";
import { HeldSteps } from "./held-steps.ts";
import type { Pass, Tap } from "./record/pass.ts";
import { copyHidden, legsOf } from "./stages.ts";

/** Plays the embedding and all blocks. `onHidden` is called with the residual stream after each block, which is in the main memory then. */
export async function playBody(pass: Pass, turns: Turns, onHidden?: (tap: Tap) => void): Promise<void> {
  await playEmbedding(pass, turns);
  let before = pass;
  for (const { pass: own, first, end, enter } of legsOf(pass)) {
    if (enter !== undefined) await playRecorded(before, turns);
    enter?.();
    const shown =
      onHidden === undefined || own === pass ? onHidden : (tap: Tap) => onHidden(hiddenInMain(tap, own, pass));
    for (let layer = first; layer < end; layer++) await playBlock(own, layer, turns, shown);
    before = own;
  }
}

/** The tap of a residual stream as if it had been computed in the main memory, to which it is copied. */
function hiddenInMain(tap: Tap, own: Pass, main: Pass): Tap {
  copyHidden(own, main);
  const ptr = tap.input.ptr - own.state.hidden + main.state.hidden;
  return { ...tap, input: { ...tap.input, ptr } };
}

/** Plays the embedding, or records it where its weights are kept. */
export async function playEmbedding(pass: Pass, turns: Turns): Promise<void> {
  const { store, embedding } = pass.weights;
  if (!store.hasPage(embedding)) return recordEmbedding(pass);
  using steps = new HeldSteps(pass);
  await steps.hold([embedding], turns);
  recordEmbedding(pass);
  await playRecorded(pass, turns);
}

async function playBlock(pass: Pass, layer: number, turns: Turns, onHidden?: (tap: Tap) => void): Promise<void> {
  using steps = new HeldSteps(pass);
  for (const tap of recordBlock(pass, layer)) {
    const isShown = tap.site === "hidden" && onHidden !== undefined;
    if (isShown || steps.mustPlay(tap)) await playRecorded(pass, turns);
    await steps.at(tap, turns);
    if (isShown) onHidden(tap);
  }
  // The pool's tables contain addresses of weights that may be evicted.
  if (pass.weights.store.isPaged) pass.emit.pool.clear();
}

/** Plays what is recorded, and the head for `rows` tokens from `first` on. Default: the last `logitRows` tokens. */
export async function playHead(pass: Pass, turns: Turns, rows?: number, first?: number): Promise<void> {
  const { store, head } = pass.weights;
  using steps = new HeldSteps(pass);
  if (store.hasPage(head)) {
    await playRecorded(pass, turns);
    await steps.hold([head], turns);
  }
  recordHead(pass, rows, first);
  await playRecorded(pass, turns);
}

/** Plays the calls that a pass has recorded so far, and clears the tape. */
export async function playRecorded({ emit: { tape } }: Pass, turns: Turns): Promise<void> {
  await tape.runInTurns(turns);
  tape.clear();
}
