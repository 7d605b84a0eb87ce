import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/errors.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import { readGenerationSettings } from "../../../src/model/text/generation-settings.ts";

const read = (json: unknown) => readGenerationSettings(json as JsonObject, "m/generation_config.json");

describe("readGenerationSettings", () => {
  it.each([
    [undefined, { eosIds: undefined, sampling: {} }],
    [{}, { eosIds: undefined, sampling: {} }],
    [
      { eos_token_id: 3, temperature: 0.5 },
      { eosIds: [3], sampling: {} },
    ],
    [
      { eos_token_id: [3, 5], do_sample: false, top_p: 0.5 },
      { eosIds: [3, 5], sampling: { temperature: 0 } },
    ],
    [
      { do_sample: true, temperature: 0.6, top_p: 0.95, top_k: 20, min_p: 0.1, repetition_penalty: 1.1 },
      { eosIds: undefined, sampling: { temperature: 0.6, topP: 0.95, topK: 20, minP: 0.1, repetitionPenalty: 1.1 } },
    ],
    [
      { do_sample: true, temperature: null, eos_token_id: null },
      { eosIds: undefined, sampling: {} },
    ],
  ])("of %j", (json, settings) => {
    expect(read(json)).toEqual(settings);
  });

  it.each([
    [{ eos_token_id: "2" }, 'eos_token_id: found "2", expected a token id'],
    [{ eos_token_id: [1, -2] }, "eos_token_id: found -2"],
    [{ do_sample: true, temperature: -1 }, "temperature: found -1"],
    [{ do_sample: true, top_k: 0.5 }, "top_k: found 0.5"],
    [{ do_sample: true, top_p: 2 }, "top_p: found 2"],
    [{ repetition_penalty: "x" }, 'repetition_penalty: found "x"'],
  ])("refuses %j", (json, sentence) => {
    expect(() => read(json)).toThrow(FormatError);
    expect(() => read(json)).toThrow(`m/generation_config.json: ${sentence}`);
  });
});
