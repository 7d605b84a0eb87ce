/**
 * One model against another, usually its float original, token by token: KL(reference || model), agreement on the likeliest
 * token, change of the true token's probability (labels as llama-perplexity prints them), and changes of routing.
 */
import { UsageError } from "../errors.ts";
import { exp } from "../exact.ts";
import type { Model, Progress } from "../model/model.ts";
import type { LogitRows, Session } from "../model/session.ts";
import { stride } from "../tensor/matrix.ts";
import { Turns } from "../wasm/turns.ts";
import { percentile, Sample } from "./statistics.ts";
import { longestWindow, scoredWindows, type WindowProtocol } from "./windows.ts";

/** Tokens of one pass: large enough for the matmuls, small enough for a large vocabulary's logits. */
const SCORING_BATCH = 128;

export interface CompareOptions extends WindowProtocol {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Comparison {
  /** Nats a token; percentiles linear between ranks. */
  readonly kl: Readonly<Record<"mean" | "stdErr" | "p50" | "p90" | "p95" | "p99" | "p999" | "max", number>>;
  /** Share of tokens for which both have the same likeliest one. */
  readonly sameTop: { readonly value: number; readonly stdErr: number };
  /** Model's over reference's. */
  readonly perplexityRatio: number;
  readonly perplexity: { readonly model: number; readonly reference: number };
  /** p_model - p_reference of the true token. */
  readonly deltaP: { readonly rms: number; readonly mean: number };
  /** Share of tokens whose set of experts differs, by MoE layer. */
  readonly routing: readonly { readonly layer: number; readonly changed: number }[];
  readonly scoredTokens: number;
}

/** The models live in two engines: each token's logits of the reference are copied over and compared by a kernel. */
export async function compare(
  model: Model,
  reference: Model,
  ids: readonly number[],
  options: CompareOptions = {},
): Promise<Comparison> {
  return compareWindows(model, reference, scoredWindows(ids, options, sharedContext(model, reference)), options);
}

/** The same over windows at hand, which may differ in length; the first id of each is context only. */
export async function compareWindows(
  model: Model,
  reference: Model,
  windows: readonly (readonly number[])[],
  options: Omit<CompareOptions, keyof WindowProtocol> = {},
): Promise<Comparison> {
  requireComparable(model, reference);
  const longest = longestWindow(windows, sharedContext(model, reference));
  const turns = new Turns(options.signal);
  const tally = new Tally(model);
  using referee = new Follower(reference, longest);
  using follower = new Follower(model, longest);
  using memory = model.machine.arena.claim();
  void memory;
  const buffers = tally.allocate(referee.ld);
  for (const [done, window] of windows.entries()) {
    const expected = await referee.collect(window, turns);
    await follower.run(window, turns, (logits) => tally.addLogits(logits, window, expected, buffers));
    tally.addRoutes(expected.routes, follower.takeRoutes(), window.length);
    options.onProgress?.({ phase: "compare", done: done + 1, total: windows.length, unit: "windows" });
  }
  return tally.result();
}

function sharedContext(model: Model, reference: Model): number {
  return Math.min(model.config.maxPositions, reference.config.maxPositions);
}

function requireComparable(model: Model, reference: Model): void {
  for (const key of ["vocabSize", "layers", "experts", "topK"] as const)
    if (model.config[key] !== reference.config[key])
      throw new UsageError(
        `reference ${key}`,
        String(reference.config[key]),
        `${model.config[key]}, as ${model.files.name} has`,
      );
}

/** A window as the reference sees it. */
interface Expected {
  readonly logits: Float32Array;
  /** By MoE layer: the chosen experts of each token, sorted. */
  readonly routes: readonly Int32Array[];
}

/** Runs windows through one model and keeps what is compared. */
class Follower {
  readonly ld: number;
  readonly #model: Model;
  readonly #session: Session;
  #routes: number[][] = [];

  constructor(model: Model, context: number) {
    this.#model = model;
    this.#session = model.session({ context, batch: SCORING_BATCH, logits: "all", keepRoutes: true });
    this.ld = stride(model.config.vocabSize);
  }

  async run(window: readonly number[], turns: Turns, onLogits: (logits: LogitRows) => void): Promise<void> {
    this.#session.truncate(0);
    this.#routes = this.#model.config.moeLayers.map(() => []);
    await this.#session.evaluate(window, turns, (logits) => {
      this.#keepRoutes(logits.rows);
      onLogits(logits);
    });
  }

  async collect(window: readonly number[], turns: Turns): Promise<Expected> {
    const logits = new Float32Array(window.length * this.ld);
    await this.run(window, turns, ({ ptr, rows, first }) => {
      logits.set(this.#model.machine.arena.f32(ptr, rows * this.ld), first * this.ld);
    });
    return { logits, routes: this.takeRoutes() };
  }

  takeRoutes(): readonly Int32Array[] {
    const { topK, moeLayers } = this.#model.config;
    return this.#routes.filter((_, layer) => moeLayers[layer]).map((flat) => sortedSets(flat, topK));
  }

  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  #keepRoutes(rows: number): void {
    const { topK, moeLayers } = this.#model.config;
    const { arena } = this.#model.machine;
    moeLayers.forEach((moe, layer) => {
      if (moe) this.#routes[layer].push(...arena.i32(this.#session.state.routes[layer].experts, rows * topK));
    });
  }
}

function sortedSets(flat: readonly number[], topK: number): Int32Array {
  const sets = Int32Array.from(flat);
  for (let at = 0; at < sets.length; at += topK) sets.subarray(at, at + topK).sort();
  return sets;
}

interface Buffers {
  readonly reference: number;
  readonly out: number;
}

class Tally {
  readonly #model: Model;
  readonly #kl: number[] = [];
  readonly #sameTop = new Sample();
  readonly #deltaP = new Sample();
  readonly #loss = { model: new Sample(), reference: new Sample() };
  readonly #changed: number[] = [];
  #routed = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  allocate(ld: number): Buffers {
    const { arena } = this.#model.machine;
    return { reference: arena.alloc(SCORING_BATCH * ld * 4), out: arena.alloc(SCORING_BATCH * 32) };
  }

  addLogits(
    { ptr, ld, rows, first }: LogitRows,
    window: readonly number[],
    expected: Expected,
    buffers: Buffers,
  ): void {
    const { machine, config } = this.#model;
    const theirs = expected.logits.subarray(first * ld, (first + rows) * ld);
    machine.arena.f32(buffers.reference, rows * ld).set(theirs);
    machine.call("divergence", rows, buffers.out, buffers.reference, ld, ptr, ld, config.vocabSize);
    const ours = machine.arena.f32(ptr, rows * ld);
    const sums = machine.arena.f64(buffers.out, 4 * rows);
    for (let row = 0; row < rows; row++) {
      const target = window[first + row + 1];
      if (target === undefined) continue;
      const [kl, sameTop, logSumReference, logSumModel] = sums.subarray(4 * row, 4 * row + 4);
      const logReference = theirs[row * ld + target] - logSumReference;
      const logModel = ours[row * ld + target] - logSumModel;
      this.#kl.push(Math.max(0, kl)); // a rounding error below 0 is 0
      this.#sameTop.add(sameTop);
      this.#deltaP.add(exp(logModel) - exp(logReference));
      this.#loss.model.add(-logModel);
      this.#loss.reference.add(-logReference);
    }
  }

  addRoutes(expected: readonly Int32Array[], found: readonly Int32Array[], tokens: number): void {
    const { topK } = this.#model.config;
    expected.forEach((sets, layer) => {
      let changed = 0;
      for (let token = 0; token < tokens; token++) {
        let same = true;
        for (let at = token * topK; at < (token + 1) * topK; at++) same &&= sets[at] === found[layer][at];
        if (!same) changed++;
      }
      this.#changed[layer] = (this.#changed[layer] ?? 0) + changed;
    });
    this.#routed += tokens;
  }

  result(): Comparison {
    const { moeLayers } = this.#model.config;
    const sorted = Float64Array.from(this.#kl).sort();
    const spread = new Sample();
    for (const value of sorted) spread.add(value);
    const at = (share: number) => percentile(sorted, share);
    const layers = moeLayers.flatMap((moe, layer) => (moe ? [layer] : []));
    const { model, reference } = this.#loss;
    return {
      kl: {
        mean: spread.mean,
        stdErr: spread.stdErr,
        p50: at(0.5),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: at(1),
      },
      sameTop: { value: this.#sameTop.mean, stdErr: this.#sameTop.stdErr },
      perplexityRatio: exp(model.mean - reference.mean),
      perplexity: { model: exp(model.mean), reference: exp(reference.mean) },
      deltaP: { rms: this.#deltaP.rms, mean: this.#deltaP.mean },
      routing: layers.map((layer, place) => ({ layer, changed: this.#changed[place] / this.#routed })),
      scoredTokens: this.#kl.length,
    };
  }
}
