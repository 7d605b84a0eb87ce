/** Settings and options that mean nothing are refused before any work, with the nearest name. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { measureDamage } from "../../../src/compress/plan/measure-damage.ts";
import { planFor, planSettings } from "../../../src/compress/plan/plan-model.ts";
import { trainPredictor } from "../../../src/compress/predictor/predictor.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import { DEFAULT_GRID, type QuantizeSettings, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { heldMatrices } from "../../../src/compress/result/quantized.ts";
import { openCheckpoint } from "../../../src/compress/resume/block-checkpoint.ts";
import { smoothModel } from "../../../src/compress/smooth/smooth-model.ts";
import { staticScales } from "../../../src/compress/smooth/static-scales.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { cutWindows, selfSample } from "../../../src/compress/windows/calibration-text.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import type { Model } from "../../../src/model/model.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { openFloat } from "../../helpers/quantized.ts";

const WINDOWS = [
  [0, 430, 410],
  [0, 12, 500],
];

let model: Model;
let settings: QuantizeSettings;
beforeAll(async () => {
  model = await openFloat("fable-mixtral");
  settings = { ...DEFAULT_GRID, modules: uniformModules(model.files, 4, 64) };
});
afterAll(() => model[Symbol.asyncDispose]());

describe("quantizeModel refuses", () => {
  const run = (change: object) =>
    quantizeModel(model, { ...settings, ...change } as QuantizeSettings, { windows: WINDOWS });

  it.each<[object, string]>([
    [{ method: "x" }, "method: found x, expected gptq or rtn"],
    [{ symmetric: undefined }, "symmetric: found undefined, expected true or false"],
    [{ clip: "max" }, "clip: found max, expected none or mse or hessian or auto"],
    [{ method: "rtn", clip: "hessian" }, "clip: found hessian with method rtn"],
    [{ actOrder: "asc" }, "actOrder: found asc"],
    [{ staticGroups: 1 }, "staticGroups: found 1"],
    [{ deadColumns: "drop" }, "deadColumns: found drop"],
    [{ gateWeighted: "yes" }, "gateWeighted: found yes"],
    [{ dampPercent: -1 }, "dampPercent: found -1"],
    [{ dampIncrement: -1 }, "dampIncrement: found -1"],
    [{ shrinkage: Number.NaN }, "shrinkage: found NaN"],
    [{ errorFeedback: 1.5 }, "errorFeedback: found 1.5, expected a number from 0 to 1"],
    [{ damp_percent: 0.1 }, "option damp_percent: found an option that it does not have, expected dampPercent"],
    [{ modules: undefined }, "modules: found nothing, expected a Map"],
    [{ modules: {} }, "modules: found object, expected a Map"],
    [{ modules: [] }, "modules: found an array, expected a Map"],
    [{ modules: new Map([["model.layers.0.self_attn.q_proj", 4]]) }, "q_proj: found number, expected an object"],
    [{ modules: new Map([["model.layers.0.self_attn.q_proj", null]]) }, "q_proj: found null, expected an object"],
  ])("%o", async (change, message) => {
    const failed = run(change);
    await expect(failed).rejects.toThrow(UsageError);
    await expect(failed).rejects.toThrow(message);
  });

  it("settings that are none", async () => {
    await expect(quantizeModel(model, 5 as unknown as QuantizeSettings)).rejects.toThrow(
      /settings: options: found number/,
    );
  });

  it("a million windows for want of memory, not of stack", async () => {
    const windows = Array.from({ length: 1e6 }, () => [0, 1]);
    await expect(quantizeModel(model, settings, { windows })).rejects.toThrow(
      "calibration: found 2000000 tokens, which take",
    );
  });
});

describe("an option that a function does not have is refused with the nearest name", () => {
  const bad = (name: string) => ({ [name]: 1 }) as object;
  const signal = AbortSignal.abort(new Error("did not check its options"));
  const calls: readonly [string, () => unknown, string][] = [
    [
      "staticScales",
      () => staticScales(model, WINDOWS, { activations: { bits: 4, group: 32 }, ...bad("signals") }),
      "signal",
    ],
    [
      "planSettings",
      () => planSettings(model.files, { base: 4, rules: [], policy: "" }, { groupSize: 64, ...bad("names") }),
      "name",
    ],
    ["quantizeModel", () => quantizeModel(model, settings, { ...bad("window"), signal }), "windows"],
    ["calibrate", () => calibrate(model, WINDOWS, { ...bad("hessian"), signal }), "hessians"],
    ["selfSample", () => selfSample(model, { ...bad("sample"), signal }), "samples"],
    ["cutWindows", () => cutWindows([1, 2], bad("lengths")), "length"],
    ["smoothModel", () => smoothModel(model, WINDOWS, { ...bad("weightbit"), signal }), "weightBits"],
    ["trainPredictor", () => trainPredictor(model, WINDOWS, { ...bad("epoch"), signal }), "epochs"],
    [
      "openCheckpoint",
      () => openCheckpoint(memoryWorkFolder(), model, { settings, ...bad("resum"), signal }),
      "resume",
    ],
    [
      "measureDamage",
      () => measureDamage(model, WINDOWS, { grid: DEFAULT_GRID, groupSize: 64, ...bad("sampleToken"), signal }),
      "sampleTokens",
    ],
    [
      "planFor",
      () =>
        planFor(parsePolicy("attention:4,base:2"), {
          shapes: shapesOfFiles(model.files),
          groupSize: 64,
          ...bad("seeds"),
        }),
      "seed",
    ],
    [
      "writeQuantized",
      () => {
        const nothing = { matrices: heldMatrices(new Map()), modules: [], starved: [] };
        return writeQuantized(model.files, nothing, { ...bad("name"), settings, output: memoryOutput() });
      },
      "names",
    ],
  ];
  it.each(calls)("%s", async (name, call, nearest) => {
    const failed = Promise.resolve().then(call);
    await expect(failed).rejects.toThrow(UsageError);
    await expect(failed).rejects.toThrow(new RegExp(`^${name}: option \\w+: found .* expected ${nearest}, or another`));
  });

  it.each([0, -1, 1.5, Number.NaN, "4"])("and %o windows or tokens are no number of them", async (value) => {
    const wrong = value as number;
    expect(() => cutWindows([1, 2], { samples: wrong })).toThrow(/samples: found/);
    expect(() => cutWindows([1, 2], { length: wrong })).toThrow(/length: found/);
    await expect(selfSample(model, { samples: wrong })).rejects.toThrow(/samples: found/);
  });
});
