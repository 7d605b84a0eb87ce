import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { requireSameRun } from "../../src/files/run-identity.ts";

const RUN = { version: "1", seed: 3, shots: null };

describe("requireSameRun", () => {
  it("takes a file of the same run, whatever else it holds", () => {
    expect(() => requireSameRun({ ...RUN, more: [] }, RUN, "f.jsonl: line 1")).not.toThrow();
  });

  it.each([
    [{ ...RUN, seed: 4 }, "f.jsonl: line 1: seed: found 4, of another run, expected 3, as in this one"],
    [{ ...RUN, shots: 0 }, "f.jsonl: line 1: shots: found 0, of another run, expected null"],
    [{ version: "1", shots: null }, "f.jsonl: line 1: seed: found nothing, of another run"],
    [{ ...RUN, version: 1 }, 'f.jsonl: line 1: version: found 1, of another run, expected "1"'],
  ])("refuses %j", (found, sentence) => {
    expect(() => requireSameRun(found, RUN, "f.jsonl: line 1")).toThrow(UsageError);
    expect(() => requireSameRun(found, RUN, "f.jsonl: line 1")).toThrow(sentence);
  });
});
