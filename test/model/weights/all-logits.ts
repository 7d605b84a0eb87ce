/** Logits of all positions, as tests of weight stores compare them: a prefill in two batches, then single tokens. */
import { Turns } from "../../../src/base/turns.ts";
import type { Session } from "../../../src/model/pass/session.ts";

/** @param session with batches of 16 tokens and logits of all positions. @returns f32 [ids, vocabulary]. */
export async function logitsOf(
  session: Session,
  ids: readonly number[],
  run: Turns = new Turns(),
): Promise<Float32Array> {
  const { machine, config } = session.model;
  const all = new Float32Array(ids.length * config.vocabSize);
  const pieces = [ids.slice(0, 30), ...ids.slice(30).map((id) => [id])];
  let done = 0;
  for (const piece of pieces) {
    const before = done;
    await session.evaluate(piece, run, {
      onLogits: ({ ptr, ld, rows, first }) => {
        for (let row = 0; row < rows; row++)
          all.set(machine.arena.f32(ptr + 4 * ld * row, config.vocabSize), (before + first + row) * config.vocabSize);
      },
    });
    done += piece.length;
  }
  return all;
}
