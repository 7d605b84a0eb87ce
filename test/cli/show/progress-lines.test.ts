import { describe, expect, it } from "vitest";
import { createProgress } from "../../../src/cli/show/progress.ts";
import { createScreen } from "../../../src/cli/show/screen.ts";

/** A clock that a test moves; what is due is called on the way. */
function handClock() {
  let now = 0;
  const due = new Map<object, { readonly at: number; readonly call: () => void }>();
  return {
    now: () => now,
    after(milliseconds: number, call: () => void) {
      const key = {};
      due.set(key, { at: now + milliseconds, call });
      return () => void due.delete(key);
    },
    pass(milliseconds: number) {
      const end = now + milliseconds;
      for (;;) {
        const [next] = [...due].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
        if (next === undefined) break;
        due.delete(next[0]);
        now = next[1].at;
        next[1].call();
      }
      now = end;
    },
    get waiting() {
      return due.size;
    },
  };
}

function onPipe(quiet = false) {
  const lines: { readonly at: number; readonly text: string }[] = [];
  const clock = handClock();
  const sink = { write: (text: string) => void lines.push({ at: clock.now(), text }) };
  return { lines, clock, ...createProgress(createScreen({ stdout: sink, stderr: sink }), quiet, clock) };
}

describe("progress on a pipe", () => {
  it("tells at least every 30 s what is done, of how much, and how long it will take", () => {
    const { lines, clock, report, stop } = onPipe();
    // Four minutes, as damages of a knapsack take; some steps are longer than half a minute.
    report({ phase: "alternatives", done: 0, total: 12, unit: "matrices" });
    for (let done = 1; done <= 12; done++) {
      clock.pass(done === 5 ? 70_000 : 10_000);
      report({ phase: "alternatives", done, total: 12, unit: "matrices" });
    }
    report({ phase: "damage", done: 0, total: 3, unit: "groups" });
    stop();
    const times = lines.map(({ at }) => at);
    for (const [i, at] of times.entries()) expect(at - (times[i - 1] ?? 0)).toBeLessThanOrEqual(30_000);
    const texts = lines.map(({ text }) => text);
    expect(texts[0]).toBe("quern: alternatives, 12 matrices\n");
    expect(texts[1]).toBe("quern: alternatives, 1 of 12 matrices, about 4 min left\n");
    expect(texts.at(-2)).toMatch(/^quern: alternatives, 1\d of 12 matrices, about \d+ s left\n$/);
    expect(texts.at(-1)).toBe("quern: damage, 3 groups\n");
  });

  it("tells what is worked at", () => {
    const { lines, clock, report, stop } = onPipe();
    report({ phase: "sweep", done: 0, total: 4, unit: "cells" });
    report({ phase: "sweep", done: 0, total: 4, unit: "cells", detail: "uniform:3: quantize 5 of 96 matrices" });
    clock.pass(20_000);
    stop();
    expect(lines.at(-1)?.text).toBe(
      "quern: sweep, 0 of 4 cells, time left not known yet, uniform:3: quantize 5 of 96 matrices\n",
    );
  });

  it("tells nothing while a command waits, and of work that comes after", () => {
    const { lines, clock, report, rest } = onPipe();
    report({ phase: "load", done: 0, total: 8, unit: "bytes" });
    report({ phase: "load", done: 8, total: 8, unit: "bytes" });
    rest();
    expect(clock.waiting).toBe(0);
    clock.pass(100_000);
    report({ phase: "load", done: 0, total: 8, unit: "bytes" });
    expect(lines).toEqual([0, 100_000].map((at) => ({ at, text: "quern: load, 8 bytes\n" })));
    expect(clock.waiting).toBe(1);
  });

  it("measures the pace of a resumed run from where it goes on", () => {
    const { lines, clock, report } = onPipe();
    report({ phase: "quantize", done: 900, total: 1000, unit: "matrices" });
    clock.pass(10_000);
    report({ phase: "quantize", done: 910, total: 1000, unit: "matrices" });
    clock.pass(10_000);
    expect(lines.at(-1)?.text).toBe("quern: quantize, 910 of 1000 matrices, about 3 min left\n");
  });

  it("counts bytes in MB and says when it cannot tell the time left", () => {
    const { lines, clock, report } = onPipe();
    report({ phase: "hash", done: 0, total: 5e9, unit: "bytes" });
    clock.pass(25_000);
    expect(lines.at(-1)?.text).toBe("quern: hash, 0.0 of 5000.0 MB, time left not known yet\n");
  });

  it("is silent after its end, and all along when quiet", () => {
    const { lines, clock, report, stop } = onPipe();
    report({ phase: "sample", done: 1, total: 2 });
    stop();
    report({ phase: "calibrate", done: 1, total: 2 });
    clock.pass(100_000);
    expect(lines.map(({ text }) => text)).toEqual(["quern: sample\n"]);
    expect(clock.waiting).toBe(0);
    const quiet = onPipe(true);
    quiet.report({ phase: "sample", done: 1, total: 2 });
    quiet.clock.pass(100_000);
    expect(quiet.lines).toEqual([]);
  });
});
