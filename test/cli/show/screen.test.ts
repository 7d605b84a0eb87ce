import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { reportFailure } from "../../../src/cli/session/command-failure.ts";
import { createOutput } from "../../../src/cli/show/command-output.ts";
import { createProgress } from "../../../src/cli/show/progress.ts";
import type { TextSink } from "../../../src/cli/show/screen.ts";
import { createScreen } from "../../../src/cli/show/screen.ts";
import { screenAfter } from "../../helpers/screen-model.ts";

/** A terminal: line feeds begin a new line, as terminals are set when programs run. */
function terminal(columns = 80) {
  let bytes = "";
  const sink = (isTTY: boolean): TextSink => ({
    isTTY,
    columns,
    write: (text) => {
      bytes += text.replaceAll("\n", "\r\n");
    },
  });
  return { sink, bytes: () => bytes, lines: () => screenAfter(bytes, columns) };
}

/** A clock whose moments come one by one. */
function steps() {
  let now = 0;
  return {
    clock: { now: () => now, after: () => () => {} },
    pass: (milliseconds: number) => {
      now += milliseconds;
    },
  };
}

function session(columns?: number) {
  const shown = terminal(columns);
  const screen = createScreen({ stdout: shown.sink(true), stderr: shown.sink(true) });
  const { clock, pass } = steps();
  const progress = createProgress(screen, false, clock);
  const work = (phase: string, last = 10) => {
    for (let done = 0; done <= last; done++) {
      pass(500);
      progress.report({ phase, done, total: 10, unit: "blocks" });
    }
  };
  return { ...shown, ...progress, screen, work, output: createOutput(screen.stdout, false) };
}

describe("the terminal that a result and a bar share", () => {
  it("shows a bar with what is done, of how much, and the time left", () => {
    const { work, lines } = session();
    work("quantize", 4);
    expect(lines()).toEqual([`quantize ${"\u2588".repeat(10)}${"\u2591".repeat(14)} 4 of 10 blocks, about 3 s left`]);
  });

  it("cuts the bar to the terminal's width, so that it never takes two lines", () => {
    const { work, lines } = session(30);
    work("quantize", 4);
    expect(lines()).toHaveLength(1);
    expect(lines()[0]).toHaveLength(29);
  });

  it("leaves nothing but the whole result", () => {
    const { work, output, stop, lines } = session();
    work("load");
    work("perplexity");
    output.result({}, () => "perplexity 12.5\nnll 2.5 nats a token\n");
    stop();
    expect(lines()).toEqual(["perplexity 12.5", "nll 2.5 nats a token"]);
  });

  it("leaves a story whole that comes in pieces, whatever is reported between them", () => {
    const { work, output, stop, lines } = session();
    work("load");
    for (const piece of ["Once", " upon", " a time"]) {
      output.piece(piece);
      work("prefill", 5);
    }
    output.result({}, () => "");
    stop();
    expect(lines()).toEqual(["Once upon a time"]);
  });

  it("draws again between whole lines of a result", () => {
    const { work, output, stop, lines } = session();
    output.piece("first table\n");
    work("quantize", 3);
    expect(lines()).toHaveLength(2);
    output.piece("second table\n");
    stop();
    expect(lines()).toEqual(["first table", "second table"]);
  });

  it("keeps notes whole", () => {
    const { work, note, stop, lines } = session();
    work("calibrate", 3);
    note("warning: few tokens");
    work("calibrate", 6);
    stop();
    expect(lines()).toEqual(["quern: warning: few tokens"]);
  });

  it.each([
    [false, "quern: USAGE: --bits: found 5, expected 4"],
    [true, "quern: INTERRUPTED: "],
  ])("tells an error on a line of its own, interrupted: %s", (interrupted, sentence) => {
    const { work, output, screen, stop, report, lines } = session();
    const signal = interrupted ? AbortSignal.abort() : new AbortController().signal;
    output.piece("Once upon");
    work("load", 3);
    stop();
    report({ phase: "load", done: 4, total: 10 }); // work that has not heard of it yet
    reportFailure(new UsageError("--bits", "5", "4"), { ...screen, signal, json: false, debug: false });
    expect(lines()).toHaveLength(2);
    expect(lines()[0]).toBe("Once upon");
    expect(lines()[1]).toContain(sentence);
  });

  it("leaves a result alone that goes to a file", () => {
    const [file, shown] = [terminal(), terminal()];
    const screen = createScreen({ stdout: file.sink(false), stderr: shown.sink(true) });
    const { clock, pass } = steps();
    const progress = createProgress(screen, false, clock);
    const output = createOutput(screen.stdout, false);
    for (const piece of ["Once", " upon"]) {
      output.piece(piece);
      pass(500);
      progress.report({ phase: "prefill", done: 1, total: 2 });
    }
    expect(shown.lines()).toHaveLength(1);
    progress.stop();
    expect(file.bytes()).toBe("Once upon");
    expect(shown.lines()).toEqual([]);
  });
});
