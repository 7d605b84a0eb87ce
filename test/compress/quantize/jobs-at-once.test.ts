/** Two and three jobs at once on one loaded model, started at random moments: each gives what it gives alone. */
import { serialize } from "node:v8";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { perplexity } from "../../../src/eval/perplexity/perplexity.ts";
import { ModelLikelihood } from "../../../src/eval/scoring/model-likelihood.ts";
import type { LanguageModel } from "../../../src/index.ts";
import { collect } from "../../../src/runtime/generate.ts";
import { matricesOf } from "../../helpers/quantized.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { openTinyModel, tinyIds, tinySettings } from "../../helpers/tiny-model.ts";

const WINDOWS = [tinyIds(24, 1), tinyIds(16, 2), tinyIds(24, 3)];
const IDS = tinyIds(120, 4);

type Job = (model: LanguageModel) => Promise<unknown>;

const JOBS: Readonly<Record<string, Job>> = {
  quantize: async (model) => {
    const quantized = await quantizeModel(model, tinySettings(model), { windows: WINDOWS });
    return [await matricesOf(quantized), quantized.modules, quantized.starved];
  },
  calibrate: async (model) => {
    const { inputs, ...rest } = await calibrate(model, WINDOWS, { chunk: 2, hessians: true });
    const triangles = inputs.map(({ experts, hessian }) =>
      Promise.all(Array.from({ length: experts }, (_, row) => hessian?.of(row))),
    );
    return [rest, inputs.map(({ hessian: _, ...sums }) => sums), await Promise.all(triangles)];
  },
  perplexity: async (model) => perplexity(model, IDS, { window: 20 }),
  generate: async (model) => {
    const { ids, text } = await collect(model.generate("The dog ran to", { maxTokens: 12, seed: 5, ignoreEos: true }));
    return { ids, text };
  },
  likelihood: async (model) => {
    using likelihood = new ModelLikelihood(model);
    const request = (context: string, continuation: string) => ({ context, continuation });
    const first = await likelihood.logLikelihoods([request("The dog", " ran"), request("The dog", " sat down")]);
    return [first, await likelihood.logLikelihoods([request("The cat", " ran"), request("", "A tree")])];
  },
  compare: async (model) =>
    compare(model.withActivations({ mode: "int8", group: 32 }), model, { ids: IDS, window: 30 }),
  logits: async (model) => model.logits(IDS.slice(0, 90)),
  session: async (model) => {
    using session = model.session({ context: 40, batch: 7 });
    let last = new Float32Array();
    const onLogits = ({ ptr }: { ptr: number }) => {
      last = model.machine.arena.f32(ptr, model.config.vocabSize).slice();
    };
    for (let at = 0; at < 40; at += 20) await session.evaluate(IDS.slice(at, at + 20), new Turns(), { onLogits });
    return last;
  },
};
const NAMES = Object.keys(JOBS);

/** Lets so many promises and turns of the event loop pass. */
async function moment(random: () => number): Promise<void> {
  const kind = random();
  if (kind < 0.2) return;
  if (kind < 0.6) for (let left = Math.floor(random() * 3000); left > 0; left--) await undefined;
  else for (let left = Math.floor(random() * 12); left > 0; left--) await new Promise((go) => setImmediate(go));
}

describe.each([1, 2])("jobs at once on %i threads", (threads) => {
  let model: LanguageModel;
  const alone = new Map<string, unknown>();
  let used = 0;
  beforeAll(async () => {
    model = await openTinyModel({ threads });
    for (const name of NAMES) alone.set(name, await JOBS[name](model));
    used = model.machine.arena.used;
  });
  afterAll(() => model[Symbol.asyncDispose]());

  /** Byte by byte; a matcher takes its time over every element, so only to show what differs. */
  function expectSame(found: unknown, name: string): void {
    if (!serialize(found).equals(serialize(alone.get(name)))) expect(found, name).toEqual(alone.get(name));
  }

  async function run(names: readonly string[], seed: number): Promise<void> {
    const random = mulberry32(seed);
    const started = names.map(async (name) => {
      await moment(random);
      return JOBS[name](model);
    });
    for (const [place, found] of (await Promise.all(started)).entries()) expectSame(found, names[place]);
    expect(model.machine.arena.used).toBe(used);
  }

  const pairs = NAMES.flatMap((a, at) => NAMES.slice(at).map((b) => [a, b] as const));
  it.each(pairs)("%s and %s", async (a, b) => {
    await run([a, b], pairs.findIndex((pair) => pair[0] === a && pair[1] === b) + 100 * threads);
    await run([b, a], 7);
  });

  it("any three", async () => {
    const random = mulberry32(77 + threads);
    const pick = () => NAMES[Math.floor(random() * NAMES.length)];
    for (let round = 0; round < 16; round++) await run([pick(), pick(), pick()], 1000 + round);
  });

  it("go on while a model is quantised, on its own weights", async () => {
    const results: Promise<void>[] = [];
    let ended = 0;
    const start = (name: string) =>
      void results.push(
        JOBS[name](model).then((found) => {
          expectSame(found, name);
          ended++;
        }),
      );
    let endedBefore = 0;
    const quantized = await quantizeModel(model, tinySettings(model), {
      windows: WINDOWS,
      onProgress: ({ done, total }) => {
        if (done === 1) for (const name of ["session", "generate", "logits"]) start(name);
        if (done === total) endedBefore = ended;
      },
    });
    expectSame([await matricesOf(quantized), quantized.modules, quantized.starved], "quantize");
    expect(endedBefore).toBe(3);
    await Promise.all(results);
    expect(model.machine.arena.used).toBe(used);
  });

  it("take the memory back when they are aborted beside others", async () => {
    const abortedAt = (step: number) => {
      const controller = new AbortController();
      const onProgress = ({ done }: { done: number }) => {
        if (done === step) controller.abort(new Error("enough"));
      };
      return { signal: controller.signal, onProgress };
    };
    const doomed = Promise.allSettled([
      quantizeModel(model, tinySettings(model), { windows: WINDOWS, ...abortedAt(5) }),
      calibrate(model, WINDOWS, { chunk: 2, ...abortedAt(1) }),
    ]);
    const others = await Promise.all(NAMES.map((name) => JOBS[name](model)));
    for (const [place, found] of others.entries()) expectSame(found, NAMES[place]);
    for (const end of await doomed) expect((end as PromiseRejectedResult).reason.message).toBe("enough");
    expect(model.machine.arena.used).toBe(used);
  });

  it("lets a generation that pauses hold up nobody, and gives it the text it has alone", async () => {
    const pieces = model.generate("The dog ran to", { maxTokens: 12, seed: 5, ignoreEos: true });
    const ids: (number | undefined)[] = [(await pieces.next()).value].map((piece) => (piece as { id?: number }).id);
    expectSame(await JOBS.quantize(model), "quantize");
    for await (const { id } of pieces) ids.push(id);
    expect(ids.filter((id) => id !== undefined)).toEqual((alone.get("generate") as { ids: number[] }).ids);
  });
});
