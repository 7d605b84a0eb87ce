import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { parseBudget, spendingOf } from "../../src/policy/budget.ts";

describe("parseBudget", () => {
  it.each([
    ["3.0", { kind: "bits", averageBits: 3 }],
    ["2", { kind: "bits", averageBits: 2 }],
    ["5.2MB", { kind: "bytes", trueBytes: 5_200_000 }],
    ["5.2 MB", { kind: "bytes", trueBytes: 5_200_000 }],
    ["4.35kB", { kind: "bytes", trueBytes: 4350 }],
    ["700000B", { kind: "bytes", trueBytes: 700_000 }],
    ["1.5GB", { kind: "bytes", trueBytes: 1_500_000_000 }],
  ])("reads %s", (text, budget) => expect(parseBudget(text)).toEqual(budget));

  it.each(["", "1.9", "17", "MB", "5.2mb", "5,2MB", "-3", "0B", "0.4B", "1e6B", "NaN"])("refuses %j", (text) => {
    expect(() => parseBudget(text)).toThrow(UsageError);
  });
});

describe("spendingOf", () => {
  const size = { averageBits: 2.5, trueBytes: 4_193_512 };
  it.each([
    [{ kind: "bits", averageBits: 2.5 }, false, "2.5 average bits", "2.5"],
    [{ kind: "bits", averageBits: 2.5 - 1e-12 }, false, "2.5 average bits", "2.499999999999"],
    [{ kind: "bits", averageBits: 2.4999 }, true, "2.5 average bits", "2.4999"],
    [{ kind: "bytes", trueBytes: 4_193_512 }, false, "4193512 bytes", "4193512"],
    [{ kind: "bytes", trueBytes: 4_193_511 }, true, "4193512 bytes", "4193511"],
  ] as const)("compares a plan with %j", (budget, exceeds, spent, most) =>
    expect(spendingOf(size, budget)).toEqual({ exceeds, spent, most }),
  );
});
