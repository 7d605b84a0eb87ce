import { describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

/** More windows of text of the model's own than 4 GiB hold at once. */
const SELF = ["--self", "--samples", "100000", "--length", "256"];

describe("text of the model's own", () => {
  it.each([
    ["quantize", "--bits", "3", "--output", "never-written"],
    ["plan", "--policy", "knapsack", "--budget", "3.0"],
  ])("is refused before it is written where %s runs it at once", (command, ...options) => {
    const { status, stderr } = quern([command, TINY_MODEL, ...options, ...SELF]);
    expect(stderr).toMatch(
      /USAGE: calibration: found 25600000 tokens, which take \d+ MB at once, expected at most \d+ \(\d+ windows of 256\)\n$/,
    );
    expect(stderr).not.toContain("sample,");
    expect(status).toBe(2);
  });

  it("is refused within a limit of memory, which may be raised", () => {
    const { stderr } = quern(["quantize", TINY_MODEL, "--output", "never-written", ...SELF, "--memory", "20MB"]);
    expect(stderr).toMatch(/expected at most \d+ \(\d+ windows of 256\), or a memory limit of at least \d+ MB\n$/);
  });
});
