/** Jobs on a model whose weights do not fit within a limit of memory: they give the same bits as without one, at any limit that is not refused. */
import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import { MemoryError, UsageError } from "../../../src/base/errors.ts";
import { measureDamage } from "../../../src/compress/plan/measure-damage.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { LOW_BIT_GRID, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { matricesOf } from "../../helpers/quantized.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { tinyIds } from "../../helpers/tiny-model.ts";

const WINDOWS = [tinyIds(40, 1), tinyIds(24, 2), tinyIds(40, 3)];

const JOBS: Readonly<Record<string, (model: LanguageModel) => Promise<unknown>>> = {
  // With error feedback, which runs the float model one block ahead.
  quantize: async (model) => {
    const settings = { ...LOW_BIT_GRID, modules: uniformModules(model.files, 2, 64) };
    const quantized = await quantizeModel(model, settings, { windows: WINDOWS });
    return [await matricesOf(quantized), quantized.modules, quantized.starved];
  },
  calibrate: async (model) => {
    const { inputs, ...rest } = await calibrate(model, WINDOWS, { chunk: 2 });
    return [rest, inputs.map(({ hessian: _, ...sums }) => sums)];
  },
  damages: async (model) => {
    const options = { grid: LOW_BIT_GRID, groupSize: 64, sampleTokens: 16 };
    const damages = await measureDamage(model, [tinyIds(16, 1)], options);
    // As numbers of 64 bits: a whole one may be serialised as an integer, depending on how it came about.
    return [...damages].map(([name, { 2: two, 3: three, 4: four, 8: eight }]) => [
      name,
      Float64Array.of(two, three, four, eight),
    ]);
  },
  compare: async (model) =>
    compare(model.withActivations({ mode: "int8", group: 32 }), model, { ids: WINDOWS.flat(), window: 30 }),
};

/** What a job gives within a limit, and how often weights made room. */
async function within(
  path: string,
  job: string,
  options: Parameters<typeof loadModel>[1],
): Promise<{ readonly bytes: Buffer; readonly evictions: number }> {
  const model = await loadModel(repositoryFile(path), { activations: "f32", ...options });
  try {
    const bytes = serialize(await JOBS[job](model));
    return { bytes, evictions: model.paging?.evictions ?? 0 };
  } finally {
    await model[Symbol.asyncDispose]();
  }
}

/** The least limit that is not refused: what the errors say would do, beginning with one that is too small. */
async function leastMemory(path: string, job: string): Promise<number> {
  let memory = 1;
  for (;;) {
    const error = await within(path, job, { memory: `${memory}MB`, paging: "all" }).catch((reason: Error) => reason);
    if (!(error instanceof UsageError || error instanceof MemoryError)) return memory;
    const wanted = Number(/(?:limit of at least|expected more than|needs) (\d+) MB/.exec(error.message)?.[1]);
    expect(wanted).toBeGreaterThanOrEqual(memory);
    memory = Math.max(wanted, memory + 1);
  }
}

describe.each([
  ["models/fable-mixtral", "quantize"],
  ["models/fable-deepseek", "quantize"],
  ["models/fable-mixtral", "calibrate"],
  ["models/fable-deepseek", "calibrate"],
  ["models/fable-mixtral", "damages"],
  ["models/fable-deepseek", "compare"],
])("%s, %s", (path, job) => {
  it("gives the same bits within a limit of memory", async () => {
    const expected = await within(path, job, {});
    const least = await leastMemory(path, job);
    const tight = await within(path, job, { memory: `${least}MB`, paging: "all" });
    expect(tight.evictions).toBeGreaterThan(0);
    const loose = await within(path, job, { memory: `${least + 2}MB`, paging: "all", threads: 2 });
    for (const { bytes } of [tight, loose]) expect(bytes.equals(expected.bytes)).toBe(true);
  });
});

describe("a limit of memory", () => {
  it("is refused before the work starts if the calibration tokens do not fit, with what would do", async () => {
    const message =
      /^calibration: found 104 tokens, which take \d+ MB at once, expected at most 0 \(0 windows of 40\), or a memory limit of at least \d+ MB$/;
    const refused = within("models/fable-mixtral", "quantize", { memory: "5MB", paging: "all" });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
  });

  it("is refused before the work starts if what KL is measured with does not fit beside the calibration tokens", async () => {
    const windows = Array.from({ length: 4 }, (_, seed) => tinyIds(64, seed));
    let refused = 0;
    for (let memory = 4; ; memory++) {
      const limit = { memory: `${memory}MB`, paging: "all", activations: "f32" } as const;
      const model = await loadModel(repositoryFile("models/fable-mixtral"), limit).catch(() => undefined);
      if (model === undefined) continue;
      await using _ = model;
      let begun = 0;
      const options = { grid: LOW_BIT_GRID, groupSize: 64, sampleTokens: 256, onProgress: () => void begun++ };
      const error = await measureDamage(model, windows, options).catch((reason: Error) => reason);
      if (!(error instanceof Error)) break;
      expect(error.message).toMatch(/^calibration: found 256 tokens, .* a memory limit of at least \d+ MB$/);
      expect(begun).toBe(0);
      refused++;
    }
    expect(refused).toBeGreaterThan(3);
  });

  it("counts the residual streams that only error feedback keeps where it is used", async () => {
    const limit = { memory: "30MB", paging: "all", activations: "f32" } as const;
    await using model = await loadModel(repositoryFile("models/fable-mixtral"), limit);
    const windows = Array.from({ length: 400 }, (_, seed) => tinyIds(64, seed));
    const modules = uniformModules(model.files, 3, 64);
    const fitting = async (run: Promise<unknown>) => {
      const { message } = await run.then(
        () => new Error("not refused"),
        (reason: Error) => reason,
      );
      return Number(/expected at most \d+ \((\d+) windows/.exec(message)?.[1]);
    };
    const quantizing = (errorFeedback: number) =>
      fitting(quantizeModel(model, { ...LOW_BIT_GRID, errorFeedback, modules }, { windows }));
    const [fed, plain] = [await quantizing(0.5), await quantizing(0)];
    const damages = await fitting(
      measureDamage(model, windows, { grid: LOW_BIT_GRID, groupSize: 64, sampleTokens: 64 }),
    );
    expect(fed).toBeGreaterThan(1);
    expect(plain).toBeGreaterThan(1.2 * fed);
    expect(damages).toBeGreaterThan(1.2 * fed);
    // What is said to fit does.
    await measureDamage(model, windows.slice(0, damages), { grid: LOW_BIT_GRID, groupSize: 64, sampleTokens: 64 });
  });
});
