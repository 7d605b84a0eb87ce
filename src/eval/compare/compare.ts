/**
 * One model against another, usually its float original, token by token: KL(reference || model), agreement on the likeliest
 * token, change of the true token's probability (labels as llama-perplexity prints them), and changes of routing. The
 * reference runs alongside, or was saved by `saveReference` and is read.
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

/** Ids or windows to compare on, and where the reference is saved meanwhile. */
export interface CompareOptions extends WindowProtocol {
  /** Token ids of a text, which are cut into windows as `window` and `limit` say. */
  readonly ids?: readonly number[];
  /** Instead: windows at hand, which may differ in length; the first id of each is context only. */
  readonly windows?: readonly (readonly number[])[];
  /** Writes the reference's file meanwhile, as `saveReference` does; for a reference that runs. */
  readonly saveTo?: OutputFile;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const OPTIONS: KnownOptions<CompareOptions> = {
  ...{ ids: true, windows: true, window: true, limit: true, saveTo: true, signal: true, onProgress: true },
};

/** A comparison, and with what. */
export interface ReferenceComparison extends Comparison {
  readonly reference: {
    readonly name: string;
    /** Whether it was read from a file. */
    readonly saved: boolean;
    /** SHA-256 of what the model is; null where no file needed it. */
    readonly hash: string | null;
  };
}

/**
 * Compares over the windows of a text or windows at hand. A saved reference brings its windows: others must be the same (ids are cut
 * as the file's were unless options say otherwise), or left out.
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
      throw new UsageError("windows", `${others[0]} beside them`, "windows alone, or ids that are cut");
    return { windows, protocol: undefined };
  }
  if (ids === undefined) {
    if (!saved) throw new UsageError("ids", "none", "token ids or windows: only a saved reference brings its own");
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
  if (file !== undefined) throw new UsageError("saveTo", "a saved reference", "a reference that runs");
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

/** Each token's logits of the reference are brought into the model's engine and compared by a kernel. */
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
