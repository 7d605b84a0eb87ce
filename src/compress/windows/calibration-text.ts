/** Makes calibration windows, cut from a stream of ids or sampled from the model itself. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { createRandom } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import { createPass } from "../../model/pass/forward.ts";
import { createState } from "../../model/pass/state/pass-state.ts";
import { TapeShelf } from "../../model/pass/tape-shelf.ts";
import { sample } from "../../runtime/sampler.ts";
import { stride } from "../../tensor/matrix.ts";
import { DEFAULTS } from "../recipe/choose-grid.ts";
import { type BatchNeeds, requireRoom } from "./batch-room.ts";
import type { Windows } from "./window-batch.ts";

/** Number and length of calibration windows, and the seed for drawing them. */
export interface WindowOptions {
  /** Number of windows. Default 64. */
  readonly samples?: number;
  /** Tokens of each window. Default 256. */
  readonly length?: number;
  readonly seed?: number;
}

const WINDOW_OPTIONS: KnownOptions<WindowOptions> = { samples: true, length: true, seed: true };

/**
 * Cuts `samples` windows of `length` ids from non-overlapping places of the stream, drawn by the seed. If the stream has fewer places,
 * all are used.
 */
export function cutWindows(ids: readonly number[], options: WindowOptions = {}): Windows {
  checkKnownOptions<WindowOptions>("cutWindows", options, WINDOW_OPTIONS);
  checkWindows(options);
  const { samples = DEFAULTS.samples, length = DEFAULTS.length, seed = DEFAULTS.seed } = options;
  const places = Math.floor(ids.length / length);
  if (places === 0)
    throw new UsageError("calibration text", `${ids.length} tokens`, `at least one window of ${length}`);
  const order = Array.from({ length: places }, (_, place) => place);
  const random = createRandom(seed);
  for (let last = places - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  const chosen = order.slice(0, samples).sort((a, b) => a - b);
  return chosen.map((place) => ids.slice(place * length, (place + 1) * length));
}

/** Windows that the model samples itself: their number and length, the seed, and the sampler's temperature. */
export interface SelfSampleOptions extends WindowOptions {
  readonly temperature?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const SAMPLE_OPTIONS: KnownOptions<SelfSampleOptions> = {
  ...WINDOW_OPTIONS,
  ...{ temperature: true, signal: true, onProgress: true },
};

function checkWindows({ samples = 1, length = 1 }: WindowOptions): void {
  for (const [name, value] of Object.entries({ samples, length }))
    if (!(Number.isInteger(value) && value >= 1)) throw new UsageError(name, String(value), "a whole number from 1");
}

/** Sequences sampled side by side. Each has its own rows of one cache, and a step runs one token of each. */
const SIDE_BY_SIDE = 64;

/**
 * Windows that the model writes itself, starting from its BOS id. They need no data set and have the model's own distribution.
 * @param atOnce what the job takes that will run all windows at once: those that would not fit are refused before any is written.
 */
export async function selfSample(model: Model, options: SelfSampleOptions = {}, atOnce?: BatchNeeds): Promise<Windows> {
  checkKnownOptions<SelfSampleOptions>("selfSample", options, SAMPLE_OPTIONS);
  checkWindows(options);
  const { samples = DEFAULTS.samples, length = DEFAULTS.length } = options;
  if (atOnce !== undefined) requireRoom(model, { tokens: samples * length, longest: length }, atOnce);
  return model.job(options.signal, (turns) => writeWindows(model, options, turns));
}

async function writeWindows(model: Model, options: SelfSampleOptions, turns: Turns): Promise<Windows> {
  const { samples = DEFAULTS.samples, length = DEFAULTS.length, seed = DEFAULTS.seed, temperature = 1 } = options;
  const { onProgress } = options;
  const { maxPositions } = model.config;
  if (length > maxPositions) throw new UsageError("length", String(length), `at most ${maxPositions}, the context`);
  const start = model.config.bosId ?? model.config.eosIds[0] ?? 0;
  const windows: number[][] = [];
  while (windows.length < samples) {
    const count = Math.min(SIDE_BY_SIDE, samples - windows.length);
    const done = windows.length;
    const report = (step: number) =>
      onProgress?.({ phase: "sample", done: done * length + step * count, total: samples * length, unit: "tokens" });
    const setup = {
      count,
      length,
      temperature,
      start,
      seeds: Array.from({ length: count }, (_, i) => seed * 65536 + done + i),
    };
    windows.push(...(await sampleTogether(model, setup, turns, report)));
  }
  return windows;
}

interface Together {
  readonly count: number;
  readonly length: number;
  readonly temperature: number;
  readonly start: number;
  readonly seeds: readonly number[];
}

async function sampleTogether(
  model: Model,
  setup: Together,
  turns: Turns,
  report: (step: number) => void,
): Promise<number[][]> {
  const { machine, config } = model;
  const { count, length } = setup;
  using state = createState(model, {
    capacity: count,
    cacheRows: count * length,
    logitRows: count,
    positions: length,
  });
  const begin = () => createPass(model, state, count, length / 2);
  const passes = new TapeShelf({ store: model.weights.store, begin });

  const randoms = setup.seeds.map((value) => createRandom(value % 2 ** 32));
  const sequences = Array.from({ length: count }, () => [setup.start]);
  const ld = stride(config.vocabSize);
  for (let step = 0; step < length - 1; step++) {
    state.tokens.begin();
    for (let sequence = 0; sequence < count; sequence++) {
      state.tokens.token(sequences[sequence][step], step, sequence * length + step);
      state.tokens.segment(sequence * length, step + 1);
    }
    state.tokens.end();
    await passes.play(count, count, turns);
    for (let sequence = 0; sequence < count; sequence++) {
      const logits = machine.arena.f32(state.logits + sequence * ld * 4, config.vocabSize);
      sequences[sequence].push(sample(logits, { temperature: setup.temperature }, randoms[sequence]));
      await turns.pause();
    }
    report(step + 1);
    await turns.pause();
  }
  return sequences;
}
