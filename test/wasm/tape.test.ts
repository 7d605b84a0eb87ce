import { describe, expect, it } from "vitest";
import { type Player, Tape } from "../../src/wasm/tape.ts";

/** A player that notes words 2 and 3 of each call: its units, and twice its grain and whether it is beside the one before. */
function noting(threads: number): { tape: Tape; played: () => readonly (readonly [number, number])[] } {
  let calls: readonly (readonly [number, number])[] = [];
  const player: Player = {
    threads,
    words: () => new Int32Array(0),
    opcode: () => 0,
    play(words, at, count) {
      calls = Array.from({ length: count }, (_, call) => [words[at + 16 * call + 2], words[at + 16 * call + 3]]);
    },
  };
  const tape = new Tape(player);
  return {
    tape,
    played: () => {
      tape.run();
      return calls;
    },
  };
}

describe("coarsen", () => {
  it.each([
    [8, 1, 4],
    [8, 2, 4],
    [8, 4, 2],
    [8, 16, 1],
    [36, 2, 4],
    [3, 2, 1],
  ])("of %i units for %i threads gives chunks of at least %i", (units, threads, grain) => {
    const { tape, played } = noting(threads);
    tape.call("add_f32", units, 1e6, 1);
    tape.beside("add_f32", units, 1e6, 1);
    tape.coarsen(4);
    expect(played()).toEqual([
      [units, 2],
      [units, 2 * grain + 1],
    ]);
  });

  it("leaves chunks that are larger", () => {
    const { tape, played } = noting(2);
    tape.call("add_f32", 100, 1000, 1);
    tape.coarsen(4);
    expect(played()).toEqual([[100, 20]]);
  });
});
