import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { measureDamage } from "../../../src/compress/plan/measure-damage.ts";
import { DEFAULT_GRID, LOW_BIT_GRID, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { quantize } from "../../../src/compress/run/make-quantized.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { batchState, quantizeNeeds, requireRoom } from "../../../src/compress/windows/batch-room.ts";
import { WindowBatch, type Windows } from "../../../src/compress/windows/window-batch.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import type { Progress } from "../../../src/model/model.ts";
import { stateBytes } from "../../../src/model/pass/state/pass-state.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { tinyIds } from "../../helpers/tiny-model.ts";

let model: LanguageModel;
beforeAll(async () => {
  model = await loadModel(repositoryFile("models/fable-mixtral"), { activations: "f32" });
});
afterAll(() => model[Symbol.asyncDispose]());

const LONGEST = 256;
/** Far more than 4 GiB hold. */
const MANY: Windows = Array.from({ length: 10_000 }, () => tinyIds(LONGEST, 1));
const REFUSED =
  /^calibration: found 2560000 tokens, which take (\d+) MB at once, expected at most (\d+) \((\d+) windows of 256\)$/;

describe("calibration tokens that do not fit in the engine", () => {
  it("are refused with their bytes, and with what would fit, which does", () => {
    const attempt = (tokens: number) => () => requireRoom(model, { tokens, longest: LONGEST });
    const error = (() => {
      try {
        attempt(MANY.length * LONGEST)();
      } catch (thrown) {
        return thrown as Error;
      }
      return undefined;
    })();
    expect(error).toBeInstanceOf(UsageError);
    const [megabytes, most, windows] = (REFUSED.exec(String(error?.message)) ?? []).slice(1).map(Number);
    expect(windows).toBe(Math.floor(most / LONGEST));
    const bytes = stateBytes(model.config, batchState(model, { tokens: MANY.length * LONGEST, longest: LONGEST }));
    expect(megabytes).toBe(Math.ceil(bytes / 1e6));
    expect(bytes).toBeGreaterThan(2 ** 32);
    expect(attempt(most)).not.toThrow();
    expect(attempt((windows + 1) * LONGEST)).toThrow(UsageError);
  });

  it("are counted to the byte", () => {
    const { arena } = model.machine;
    for (const [count, logitRows] of [
      [1, 0],
      [3, 16],
    ]) {
      const windows = MANY.slice(0, count);
      new WindowBatch(model, windows)[Symbol.dispose](); // The table for RoPE stays.
      const before = arena.used;
      using batch = new WindowBatch(model, windows, { logitRows });
      const size = { tokens: batch.tokens, longest: LONGEST };
      const rounding = arena.used - before - stateBytes(model.config, batchState(model, size, { logitRows }));
      // Blocks without bytes take a line each.
      expect(rounding).toBeGreaterThanOrEqual(0);
      expect(rounding).toBeLessThan(1000);
    }
  });

  const onProgress = (progress: Progress) => expect(progress).toBeUndefined();
  const self = { samples: MANY.length, length: LONGEST };
  const jobs: Readonly<Record<string, () => Promise<unknown>>> = {
    quantize: () => quantize(model, { windows: MANY, onProgress }),
    "quantize, resumable": () => quantize(model, { windows: MANY, work: memoryWorkFolder(), onProgress }),
    "quantize, on text of the model's own": () => quantize(model, { self, onProgress }),
    "calibrate in too large a chunk": () => calibrate(model, MANY, { chunk: MANY.length, onProgress }),
    "damages of a plan": () => measureDamage(model, MANY, { grid: LOW_BIT_GRID, groupSize: 64, onProgress }),
  };
  it.each(Object.keys(jobs))("are refused before the work starts: %s", async (job) => {
    const before = model.machine.arena.used;
    await expect(jobs[job]()).rejects.toThrow(REFUSED);
    expect(model.machine.arena.used).toBe(before);
  });
});

describe("what quantising needs beside its buffers", () => {
  it("is the codes of a block, the packed weights of its largest site, and the streams of error feedback", () => {
    const { experts, expertWidth, hiddenSize } = model.config;
    const modules = uniformModules(model.files, 2, 64);
    const plain = { ...DEFAULT_GRID, errorFeedback: 0, modules };
    const needs = quantizeNeeds(model, plain);
    const gateAndUp = 2 * experts * expertWidth * hiddenSize;
    const codes = (bits: number) => (bits * gateAndUp) / 8;
    // Codes with the scales of their groups, and the order of columns.
    expect(needs.inside).toBeGreaterThan(codes(2));
    expect(needs.inside).toBeLessThan(1.5 * codes(2));
    // Down has half as many weights as gate and up; attention comes on top.
    expect(needs.outside).toBeGreaterThan(1.5 * codes(2));
    expect(needs.outside).toBeLessThan(3 * codes(2));
    expect(quantizeNeeds(model, { ...plain, errorFeedback: 0.7 }).copies).toBeGreaterThan(needs.copies as number);
    expect(quantizeNeeds(model, { ...plain, modules: new Map() })).toMatchObject({ inside: 0, outside: 0 });
  });

  it("has room to gather columns only for groups that are scattered over them", () => {
    const reorders = (wish: Partial<typeof DEFAULT_GRID>) =>
      quantizeNeeds(model, { ...DEFAULT_GRID, ...wish, modules: uniformModules(model.files, 2, 64) }).reorders;
    expect(reorders({})).toBe(false);
    expect(reorders({ actOrder: "none" })).toBe(false);
    expect(reorders({ actOrder: "desc", staticGroups: false })).toBe(true);
    expect(reorders({ actOrder: "desc", staticGroups: true })).toBe(false);
  });
});
