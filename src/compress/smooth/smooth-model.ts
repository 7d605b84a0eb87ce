/**
 * Smoothing (SmoothQuant, arXiv 2211.10438). Factors s_j = max|x_j|^alpha / max|w_j|^(1 - alpha) move the difficulty of rounding from
 * activations to weights, and leave the model's function unchanged. Alpha is given, or searched for each site by the error that
 * rounding causes in its outputs. A smoothed model is written as a float folder by `writeSmoothed`.
 */
import { UsageError } from "../../base/errors.ts";
import { pow } from "../../base/exact-math.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { linearNamed, readWeights } from "../../model/weights/locate.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";
import { type ProbeInput, type ProbeRounding, probeInput, probeOutputs } from "./output-probe.ts";
import { type SmoothRows, type SmoothSite, smoothSites } from "./smooth-sites.ts";
import { columnMaxima } from "./static-scales.ts";

/** Alpha or the search for it, the number of input rows for the search, and the rounding to prepare for. */
export interface SmoothOptions extends Partial<ProbeRounding> {
  /** `search` (default) tries 0, 0.1 to 1 and no smoothing at all. A number from 0 to 1 is used everywhere. */
  readonly alpha?: "search" | number;
  /** Rows of each input on which the search measures. Default 128. */
  readonly rows?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** One smoothed input: its alpha, and the squared error of its outputs with and without smoothing. */
export interface SmoothedSite {
  readonly layer: number;
  readonly site: SmoothSite["site"];
  readonly expert: number;
  /** null if the input was left unchanged, because nothing was better or too few tokens reached it. */
  readonly alpha: number | null;
  /** Squared error of the outputs, relative to their own square: with the factors (`error`), and without smoothing. */
  readonly error: number;
  readonly plainError: number;
}

/** Factors of all changed weights. */
export interface Smoothing {
  readonly sites: readonly SmoothedSite[];
  /** Factors for rows and columns of linears, by name, and for elements of norms' weights, by tensor name. */
  readonly rows: ReadonlyMap<string, Float32Array>;
  readonly columns: ReadonlyMap<string, Float32Array>;
  readonly norms: ReadonlyMap<string, Float32Array>;
}

/** Inputs of experts need at least this many tokens; fewer say too little about the columns. */
const LEAST_ROWS = 32;
const GRID: readonly number[] = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** Finds the factors of every site. The model stays unchanged. @throws UsageError for quantised weights or invalid options. */
export async function smoothModel(model: Model, windows: Windows, options: SmoothOptions = {}): Promise<Smoothing> {
  const rounding = checkOptions(model, options);
  return model.job(options.signal, (turns) => findFactors(model, windows, options, rounding, turns));
}

async function findFactors(
  model: Model,
  windows: Windows,
  options: SmoothOptions,
  rounding: ProbeRounding,
  turns: Turns,
): Promise<Smoothing> {
  const found = { sites: [] as SmoothedSite[], rows: new Map(), columns: new Map(), norms: new Map() };
  using batch = new WindowBatch(model, windows);
  await batch.run(turns, async (tap: Tap) => {
    for (const site of smoothSites(model, tap)) {
      const { factors, ...result } = await smoothSite(model, site, options, rounding, turns);
      found.sites.push(result);
      if (factors !== undefined) keep(found, site, factors);
    }
    if (tap.site === "hidden")
      options.onProgress?.({ phase: "smooth", done: tap.layer + 1, total: model.config.layers, unit: "blocks" });
  });
  return found;
}

const OPTIONS: KnownOptions<SmoothOptions> = {
  ...{ alpha: true, rows: true, activations: true, weightBits: true, weightGroup: true },
  ...{ signal: true, onProgress: true },
};

function checkOptions(model: Model, options: SmoothOptions): ProbeRounding {
  checkKnownOptions<SmoothOptions>("smoothModel", options, OPTIONS);
  const { alpha = "search", activations = { bits: 8, group: "token" }, weightBits = 16, weightGroup = 64 } = options;
  const packed = model.files.linears.find(({ stored }) => stored.kind !== "float");
  if (packed !== undefined)
    throw new UsageError(`${model.files.name}: ${packed.name}`, "quantised weights", "a float model to smooth");
  if (alpha !== "search" && !(alpha >= 0 && alpha <= 1))
    throw new UsageError("smooth: alpha", String(alpha), "search, or a number from 0 to 1");
  if (![2, 3, 4, 8, 16].includes(weightBits))
    throw new UsageError("smooth: weight bits", String(weightBits), "2, 3, 4, 8 or 16");
  if (!(Number.isInteger(weightGroup) && weightGroup > 0))
    throw new UsageError("smooth: weight group", String(weightGroup), "a positive number of columns");
  if (!(Number.isInteger(options.rows ?? 1) && (options.rows ?? 1) > 0))
    throw new UsageError("smooth: rows", String(options.rows), "a whole number from 1");
  model.withActivations({ mode: "study", ...activations });
  return { activations, weightBits, weightGroup };
}

async function smoothSite(
  model: Model,
  site: SmoothSite,
  { alpha = "search", rows = 128 }: SmoothOptions,
  rounding: ProbeRounding,
  turns: Turns,
): Promise<SmoothedSite & { readonly factors: Float32Array | undefined }> {
  const { machine } = model;
  const inputs: ProbeInput[] = [];
  const maxima = { x: new Float32Array(site.factorOf.length), w: new Float32Array(site.factorOf.length) };
  for (const { linears, rows: input } of site.readers) {
    const weights = joined(await Promise.all(linears.map((linear) => weightsOf(model, linear))));
    columnMaxima(weights, input.cols, maxima.w);
    columnMaxima(gatherRows(model, input, input.count), input.cols, maxima.x);
    if (input.count === 0) continue;
    inputs.push(await probeInput(machine, gatherRows(model, input, rows), weights, input.cols, turns));
  }
  const measure = async (factors: Float32Array | undefined) => {
    const { error, power } = await probeOutputs(machine, inputs, factors, rounding, turns);
    return power > 0 ? error / power : 0;
  };
  const { layer, site: name, expert } = site;
  const plainError = await measure(undefined);
  let best = { layer, site: name, expert, alpha: null as number | null, error: plainError, plainError };
  let factors: Float32Array | undefined;
  if (site.readers.every(({ rows: { count } }) => count < LEAST_ROWS)) return { ...best, factors };
  for (const candidate of alpha === "search" ? GRID : [alpha]) {
    const tried = smoothingFactors(site, maxima, candidate);
    const error = await measure(expand(site, tried));
    if (alpha === "search" && !(error < best.error)) continue;
    best = { ...best, alpha: candidate, error };
    factors = tried;
  }
  return { ...best, factors };
}

/**
 * max|x|^alpha / max|w|^(1 - alpha) over each factor's columns. All are multiplied by one number that centres the largest and smallest
 * around 1, which changes nothing that is rounded in groups. A column that is zero in all inputs or weights gets factor 1.
 */
export function smoothingFactors(
  site: Pick<SmoothSite, "factorOf" | "factors">,
  maxima: { readonly x: Float32Array; readonly w: Float32Array },
  alpha: number,
): Float32Array {
  const [x, w] = [maxima.x, maxima.w].map((columns) => {
    const most = new Float32Array(site.factors);
    columns.forEach((value, col) => {
      most[site.factorOf[col]] = Math.max(most[site.factorOf[col]], value);
    });
    return most;
  });
  const raw = Float64Array.from(x, (top, j) => (top > 0 && w[j] > 0 ? pow(top, alpha) / pow(w[j], 1 - alpha) : 0));
  const known = raw.filter((value) => value > 0);
  const middle = Math.sqrt(
    known.reduce((a, b) => Math.max(a, b), 0) * known.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY),
  );
  return Float32Array.from(raw, (value) => (value > 0 ? value / middle : 1));
}

/** The factor of each column. */
function expand({ factorOf }: SmoothSite, factors: Float32Array): Float32Array {
  return Float32Array.from(factorOf, (factor) => factors[factor]);
}

function keep(
  found: { rows: Map<string, Float32Array>; columns: Map<string, Float32Array>; norms: Map<string, Float32Array> },
  site: SmoothSite,
  factors: Float32Array,
): void {
  const columns = expand(site, factors);
  const inverse = factors.map((factor) => 1 / factor);
  const linears = site.readers.flatMap((readers) => readers.linears);
  for (const { name } of [...linears, ...site.exact]) found.columns.set(name, columns);
  if ("norm" in site.source) found.norms.set(site.source.norm, inverse);
  else found.rows.set(site.source.linear.name, inverse);
}

/** At most `most` of the rows, evenly spread, as f32 [rows, cols]. */
function gatherRows({ machine }: Model, { ptr, ld, cols, index, count }: SmoothRows, most: number): Float32Array {
  const rows = Math.min(count, most);
  const gathered = new Float32Array(rows * cols);
  const list = machine.arena.i32(index, index === 0 ? 0 : count);
  for (let row = 0; row < rows; row++) {
    const place = Math.floor((row * count) / rows);
    gathered.set(machine.arena.f32(ptr + 4 * ld * (index === 0 ? place : list[place]), cols), row * cols);
  }
  return gathered;
}

function weightsOf({ files }: Model, { name }: Linear): Promise<Float32Array> {
  return readWeights(linearNamed(files, name));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
