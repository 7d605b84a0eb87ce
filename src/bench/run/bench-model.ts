/** Measures a model's speed: prompts, decoded tokens, opening, memory, GPTQ of one matrix, in turn with the machine's ceilings. */
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { expectedUse } from "../../model/expected-use.ts";
import { inspectModel } from "../../model/inspect.ts";
import type { Model } from "../../model/model.ts";
import { engineInfo } from "../../runtime/language-model.ts";
import { createMachine } from "../../wasm/embedded.ts";
import { benchIds } from "../bench-ids.ts";
import { CeilingProbes } from "../ceilings.ts";
import { logitsHash } from "../golden-hashes.ts";
import { GptqWork } from "../kernels/gptq-work.ts";
import { machineFacts, peakResident } from "../machine-facts.ts";
import { checkMeasuring, MEASURE_OPTIONS, type MeasureOptions, type Measuring } from "../measuring.ts";
import {
  type BenchMemory,
  type BenchModel,
  type BenchPaging,
  type BenchReport,
  resultOf,
} from "../report/bench-report.ts";
import { SpeedSessions } from "./speed-sessions.ts";
import { limitsOf, type SpeedLengths, speedTests } from "./speed-tests.ts";

/** Options of a model's benchmark. Tests of lengths that are not given are left out if they do not fit in the model's context. */
export interface BenchOptions extends MeasureOptions, Partial<SpeedLengths> {}

/** Tokens of the prompt before the first token. */
const FIRST_PROMPT = 8;

const KNOWN: KnownOptions<BenchOptions> = { ...MEASURE_OPTIONS, prompt: true, generate: true, depth: true };

/**
 * Opens a model, measures it, and disposes it: `await bench(() => loadModel("models/fable-mixtral"))`.
 * @throws UsageError for an option out of range or unknown, and for lengths that do not fit in the context.
 */
export async function bench(open: () => Promise<Model>, options: BenchOptions = {}): Promise<BenchReport> {
  checkKnownOptions("bench", options, KNOWN);
  const run = checkMeasuring(options);
  const { prompt, generate, depth } = options;
  speedTests({ prompt, generate, depth }, Number.POSITIVE_INFINITY); // what fits in no context is refused before it is opened
  run.turns.check();
  const begun = performance.now();
  await using model = await open();
  const opened = performance.now() - begun;
  await firstToken(model, run);
  const answered = performance.now() - begun;
  const tests = speedTests({ prompt, generate, depth }, model.config.maxPositions);
  using sessions = new SpeedSessions(model, tests);
  for (const test of tests) await sessions.warmUp(test, run.turns);
  const memory = memoryOf(model, sessions.cacheBytes);
  const { samples, quantising, ceilings } = await measureAll(model, sessions, run, options.streamBytes);
  const paging = pagingOf(model);
  const facts = inspectModel(model.files);
  const limitOf = limitsOf(model, facts.modules);
  const results = [
    ...tests.map((test, i) =>
      resultOf({ test: test.test, unit: "tokens/s", limit: limitOf(test) }, samples[i], ceilings),
    ),
    resultOf({ test: "open", unit: "ms" }, [opened], ceilings),
    resultOf({ test: "first token", unit: "ms" }, [answered], ceilings),
    ...(run.matrix === 0
      ? []
      : [resultOf({ test: `gptq ${run.matrix}x${run.matrix}`, unit: "ms" }, quantising, ceilings)]),
  ];
  const hash = await logitsHash(model, options.signal);
  const engine = engineInfo(model);
  return {
    machine: machineFacts(),
    runtime: engine.runtime,
    engine,
    model: modelOf(model),
    ceilings,
    results,
    memory: paging === undefined ? memory : { ...memory, paging },
    hash,
  };
}

/** Computes the logits of the first token after a short prompt, as the first call of a program that has opened the model. */
async function firstToken(model: Model, { turns }: Measuring): Promise<void> {
  const { vocabSize, maxPositions } = model.config;
  const ids = benchIds(Math.min(FIRST_PROMPT, maxPositions), vocabSize);
  using session = model.session({ context: ids.length });
  await session.evaluate(ids, turns);
}

/** Takes all samples. Every repetition runs each test once, so that what else the machine does affects all alike. */
async function measureAll(model: Model, sessions: SpeedSessions, run: Measuring, streamBytes: number | undefined) {
  const { repeat, matrix, turns, tell } = run;
  const { build, threads } = model.machine;
  await using machine = await createMachine({ kernels: build, threads });
  using probes = new CeilingProbes(machine, streamBytes);
  using work = matrix === 0 ? undefined : new GptqWork(machine, matrix);
  const { tests } = sessions;
  const samples = tests.map((): number[] => []);
  const quantising: number[] = [];
  const total = repeat * (tests.length + (work === undefined ? 0 : 1));
  let done = 0;
  for (let round = 0; round < repeat; round++) {
    await probes.sample(turns);
    for (const [at, test] of tests.entries()) {
      samples[at].push(await sessions.rate(test, turns));
      tell(++done, total);
    }
    if (work === undefined) continue;
    const begin = performance.now();
    await work.quantize(turns);
    quantising.push(performance.now() - begin);
    tell(++done, total);
  }
  await probes.sample(turns);
  return { samples, quantising, ceilings: probes.best };
}

function memoryOf({ machine, weights: { stages, store } }: Model, cache: number): BenchMemory {
  const weights = store.bytes;
  const used = stages.reduce((sum, stage) => sum + stage.machine.arena.used, machine.arena.used);
  return { weights, cache, scratch: used - weights - cache, peakResident: peakResident() };
}

function pagingOf({ paging }: Model): BenchPaging | undefined {
  if (paging === undefined) return undefined;
  const { limitBytes, uses, misses, readBytes } = paging;
  return { limitBytes, uses, misses, readBytes };
}

function modelOf({ files, config }: Model): BenchModel {
  const { parameters, activeParameters, trueBytes, modules } = inspectModel(files);
  const { bytesPerToken } = expectedUse(config, modules, { context: 1 });
  return {
    name: files.name,
    parameters,
    activeParameters: Math.round(activeParameters),
    fileBytes: trueBytes,
    bytesPerToken,
  };
}
