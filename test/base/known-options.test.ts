import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { checkKnownOptions } from "../../src/base/known-options.ts";

interface Options {
  readonly maxTokens?: number;
  readonly seed?: number;
}
const KNOWN = { maxTokens: true, seed: true } as const;

describe("checkKnownOptions", () => {
  it("lets known options pass, whatever their values", () => {
    checkKnownOptions<Options>("generate", { maxTokens: undefined, seed: 3 }, KNOWN);
    checkKnownOptions<Options>("generate", {}, KNOWN);
  });

  it("refuses an unknown option and names the nearest one", () => {
    const misspelt = { max_tokens: 3 } as Options;
    expect(() => checkKnownOptions<Options>("generate", misspelt, KNOWN)).toThrow(
      new UsageError(
        "generate: option max_tokens",
        "an option that it does not have",
        "maxTokens, or another of maxTokens, seed",
      ),
    );
    expect(() => checkKnownOptions<Options>("generate", { toString: 1 } as Options, KNOWN)).toThrow(UsageError);
  });

  it("refuses options that are no object", () => {
    expect(() => checkKnownOptions<Options>("generate", 5 as unknown as Options, KNOWN)).toThrow(/found number/);
    expect(() => checkKnownOptions<Options>("generate", null as unknown as Options, KNOWN)).toThrow(/found null/);
  });
});
