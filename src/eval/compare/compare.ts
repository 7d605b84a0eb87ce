/**
 * Compares a model with another one, usually its float original, token by token: KL(reference || model), agreement on the
 * likeliest token, change of the true token's probability (labels as llama-perplexity prints them), and changes of routing.
 * The reference runs alongside, or is read from a file that `saveReference` wrote.
 */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import type { OutputFile } from "../../files/output.ts";
import type { Model, Progress } from "../../model/model.ts";
import { baseName } from "../../model/model-identity.ts";
import { DEFAULT_WINDOW, longestWindow, scoredWindows, type WindowProtocol } from "../scoring/scored-windows.ts";
import { type Comparison, Tally } from "./comparison-sums.ts";
import { type ReferenceRows, requireComparable, requireSameWindows, shapeOf } from "./reference.ts";
import { Follower } from "./running-reference.ts";
import { type ComparedWindows, ReferenceWriter } from "./save-reference.ts";
import { SavedReference } from "./saved-reference.ts";

/** The ids or windows to compare on, and the file to save the reference to. */
export interface CompareOptions extends WindowProtocol {
  /** Token ids of a text. `window` and `limit` say how they are cut into windows. */
  readonly ids?: readonly number[];
  /** Windows of token ids instead of `ids`. They may differ in length; the first id of each is context only. */
  readonly windows?: readonly (readonly number[])[];
  /** Writes the reference to this file in the same run, as `saveReference` does. Only for a reference that is a model. */
  readonly saveTo?: OutputFile;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const OPTIONS: KnownOptions<CompareOptions> = {
  ...{ ids: true, windows: true, window: true, limit: true, saveTo: true, signal: true, onProgress: true },
};

/** A comparison, with the reference that it was made against. */
export interface ReferenceComparison extends Comparison {
  readonly reference: {
    readonly name: string;
    /** Whether the reference was read from a file. */
    readonly saved: boolean;
    /** SHA-256 of the reference's configuration and weights (src/model/model-identity.ts); null if no file was read or written. */
    readonly hash: string | null;
  };
}

/**
 * Compares two models over the windows of a text, or over given windows. A saved reference brings its own windows, so `ids` and
 * `windows` may be left out; if they are given, they must match the file's. Ids are then cut as the file's were, unless options say
 * otherwise.
 * @throws UsageError for models that cannot be compared, windows that do not fit, or ids that are not the file's.
 */
export async function compare(
  model: Model,
  reference: Model | SavedReference,
  options: CompareOptions = {},
): Promise<ReferenceComparison> {
  await using file = options.saveTo;
  checkKnownOptions<CompareOptions>("compare", options, OPTIONS);
  return await compareInput(model, reference, inputOf(model, reference, options), file, options);
}

function inputOf(model: Model, reference: Model | SavedReference, options: CompareOptions): ComparedWindows {
  const saved = reference instanceof SavedReference;
  const file = saved ? reference.facts.protocol : undefined;
  const { ids, windows } = options;
  if (windows !== undefined) {
    const others = (["ids", "window", "limit"] as const).filter((name) => options[name] !== undefined);
    if (others.length > 0)
      throw new UsageError("windows", `${others[0]} as well`, "either windows, or ids to cut into windows");
    return { windows, protocol: undefined };
  }
  if (ids === undefined) {
    if (!saved) throw new UsageError("ids", "none", "token ids or windows (only a saved reference brings its own)");
    return { windows: reference.windows, protocol: file };
  }
  const { window = file?.window ?? DEFAULT_WINDOW, limit = file?.limit } = options;
  const context = saved ? model.config.maxPositions : sharedContext(model, reference);
  return { windows: scoredWindows(ids, { window, limit }, context), protocol: { window, limit } };
}

async function compareInput(
  model: Model,
  reference: Model | SavedReference,
  input: ComparedWindows,
  file: OutputFile | undefined,
  options: CompareOptions,
): Promise<ReferenceComparison> {
  const saved = reference instanceof SavedReference;
  requireComparable(model.files.name, shapeOf(model.config), saved ? reference.shape : shapeOf(reference.config));
  if (!saved) return compareRunning(model, reference, input, file, options);
  if (file !== undefined) throw new UsageError("saveTo", "a saved reference", "a reference that is a model");
  requireSameWindows(input.windows, reference.windows, reference.name);
  const { name, hash } = reference.facts;
  return { ...(await run(model, reference, input.windows, options)), reference: { name, saved, hash } };
}

async function compareRunning(
  model: Model,
  reference: Model,
  { windows, protocol }: ComparedWindows,
  file: OutputFile | undefined,
  options: CompareOptions,
): Promise<ReferenceComparison> {
  const turns = new Turns(options.signal);
  using rows = new Follower(reference, longestWindow(windows, sharedContext(model, reference)));
  const writer = file && (await ReferenceWriter.begin(reference, { windows, protocol }, file, turns));
  const result = await run(model, rows, windows, options, writer);
  await writer?.end();
  await file?.commit();
  const hash = writer?.facts.hash ?? null;
  return { ...result, reference: { name: baseName(reference.files.name), saved: false, hash } };
}

/** Copies the reference's logits of each token into the model's engine, where a kernel compares them. */
async function run(
  model: Model,
  reference: ReferenceRows,
  windows: readonly (readonly number[])[],
  options: CompareOptions,
  writer?: ReferenceWriter,
): Promise<Comparison> {
  const turns = new Turns(options.signal);
  using follower = new Follower(model, longestWindow(windows, model.config.maxPositions));
  using tally = new Tally(model);
  for (const [place, ids] of windows.entries()) {
    const expected = await reference.window(place, ids, turns);
    await writer?.add(expected, turns);
    await follower.run(ids, turns, (logits) => tally.addLogits(logits, ids, expected));
    tally.addRoutes(expected.routes, follower.takeRoutes(), ids.length);
    tally.endWindow();
    options.onProgress?.({ phase: "compare", done: place + 1, total: windows.length, unit: "windows" });
  }
  return tally.result();
}

function sharedContext(model: Model, reference: Model): number {
  return Math.min(model.config.maxPositions, reference.config.maxPositions);
}
