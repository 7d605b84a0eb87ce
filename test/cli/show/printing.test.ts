import { describe, expect, it } from "vitest";
import { FormatError, NumericsError } from "../../../src/base/errors.ts";
import { reportFailure } from "../../../src/cli/session/command-failure.ts";
import { createOutput, toJson } from "../../../src/cli/show/command-output.ts";
import { createProgress } from "../../../src/cli/show/progress.ts";
import { createScreen } from "../../../src/cli/show/screen.ts";
import { renderTable } from "../../../src/cli/show/text-table.ts";

/** A stream that keeps what is written. */
function memorySink(isTTY = false) {
  const written: string[] = [];
  return { isTTY, write: (text: string) => written.push(text), text: () => written.join("") };
}

describe("toJson", () => {
  it("writes typed arrays as arrays", () => {
    expect(toJson({ a: Uint16Array.of(1, 2), b: [Float32Array.of(0.5)] })).toBe('{"a":[1,2],"b":[[0.5]]}');
  });

  it("refuses numbers that are not finite and says where they are", () => {
    expect(() => toJson({ a: { b: [1, Number.NaN] } })).toThrow(NumericsError);
    expect(() => toJson({ a: { b: [1, Number.NaN] } })).toThrow("result a.b[1]: found NaN");
    expect(() => toJson({ a: Float64Array.of(Number.NEGATIVE_INFINITY) })).toThrow("result a[0]: found -Infinity");
  });
});

describe("createOutput", () => {
  it("writes the document or the text, never both", () => {
    for (const [isJson, expected] of [
      [true, '{"a":1}\n'],
      [false, "one\n"],
    ] as const) {
      const stdout = memorySink();
      const output = createOutput(stdout, isJson);
      output.piece("");
      output.result({ a: 1 }, () => "one");
      expect(stdout.text()).toBe(expected);
    }
  });
});

describe("createProgress", () => {
  const events = (phase: string) => [1, 2, 3].map((done) => ({ phase, done, total: 3, unit: "layers" }));

  it("writes one line a phase on a pipe", () => {
    const stderr = memorySink();
    const progress = createProgress(createScreen({ stdout: memorySink(), stderr }), false);
    for (const event of [...events("calibrate"), ...events("quantize"), ...events("calibrate")]) progress.report(event);
    progress.note("careful");
    progress.stop();
    expect(stderr.text()).toBe("quern: calibrate, 3 layers\nquern: quantize, 3 layers\nquern: careful\n");
  });

  it("writes nothing when quiet", () => {
    const stderr = memorySink(true);
    const progress = createProgress(createScreen({ stdout: memorySink(), stderr }), true);
    events("calibrate").forEach(progress.report);
    progress.note("careful");
    progress.stop();
    expect(stderr.text()).toBe("");
  });
});

describe("reportFailure", () => {
  const { signal } = new AbortController();

  function report(error: unknown, aborted = false) {
    const stdout = memorySink();
    const stderr = memorySink();
    const used = aborted ? AbortSignal.abort() : signal;
    const status = reportFailure(error, { json: true, debug: false, stdout, stderr, signal: used });
    return { status, stderr: stderr.text(), document: JSON.parse(stdout.text()) as unknown };
  }

  it("joins lines to one sentence", () => {
    const { status, stderr, document } = report(new FormatError("a.json", "found\n  nothing"));
    expect(status).toBe(1);
    expect(stderr).toBe("quern: FORMAT: a.json: found nothing\n");
    expect(document).toEqual({ error: { code: "FORMAT", message: "a.json: found nothing", where: "a.json" } });
  });

  it("calls an error that is not ours a bug", () => {
    expect(report(new TypeError("x is not a function"))).toMatchObject({
      status: 1,
      document: { error: { code: "INTERNAL" } },
    });
    expect(report("thrown text").stderr).toContain("unexpected error: thrown text; this is a bug in quern");
  });

  it("takes whatever an interrupt throws for the interrupt", () => {
    expect(report(new Error("stream closed"), true)).toMatchObject({
      status: 130,
      document: { error: { code: "INTERRUPTED" } },
    });
  });
});

describe("renderTable", () => {
  const columns = [{ title: "test" }, { title: "tokens/s", align: "right" as const }];

  it("aligns columns, wide characters and colours included", () => {
    const green = "\u001b[32mpp512\u001b[39m";
    expect(
      renderTable(columns, [
        [green, "12.5"],
        ["\u00e9", "1"],
      ]),
    ).toBe(["test   tokens/s", "-----  --------", `${green}      12.5`, "\u00e9             1", ""].join("\n"));
  });

  it("writes markdown", () => {
    expect(renderTable(columns, [["a|b", "12.5"]], { markdown: true })).toBe(
      ["| test | tokens/s |", "| ---- | -------: |", "| a\\|b |     12.5 |", ""].join("\n"),
    );
  });
});
