/**
 * Refines damages to those that remain under error feedback.
 *
 * Damages are measured with everything else float. In a quantised model the linears that write to the residual stream take back a part of
 * the errors before them: about half in the first block's attention, a tenth in the last block's experts. Attention and the rest of each
 * block (its parts) are therefore quantised alone once more at 2 bits, with every writer after them at 8 bits and refitted, and the KL is
 * measured on windows that quantising did not see. One factor for each part scales the damages of its linears.
 *
 * The sum of such damages still is not the KL of a whole plan, so all of them are scaled by one more factor: that of a whole plan.
 */
import { UsageError } from "../../../base/errors.ts";
import { groupBy } from "../../../base/group-by.ts";
import { checkKnownOptions, type KnownOptions } from "../../../base/known-options.ts";
import type { Turns } from "../../../base/turns.ts";
import type { Model } from "../../../model/model.ts";
import type { Linear } from "../../../model/weights/linears.ts";
import { siteOf } from "../../../model/weights/sites.ts";
import { layerLinears, overlayOf } from "../../../model/weights/weight-tree.ts";
import { type Bits, isQuantizable } from "../../../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../../tensor/quantized-matrix.ts";
import { shapesOfFiles } from "../../recipe/model-shapes.ts";
import type { GridSettings } from "../../recipe/settings.ts";
import { DAMAGE_SAMPLE_TOKENS, type Damages } from "../../statistics/damage-table.ts";
import { type BatchNeeds, batchBytes, requireRoom } from "../../windows/batch-room.ts";
import { placedBytes, placeQuantized } from "../../windows/place-quantized.ts";
import { checkWindows, WindowBatch, type Windows } from "../../windows/window-batch.ts";
import { DamageProbe, probeNeeds } from "../damage-probe.ts";
import { knapsackPlan } from "../knapsack-plan.ts";
import { checkDamageGrid, DAMAGE_OPTIONS, type DamageOptions, damageSample, groupKl } from "../measure-damage.ts";
import { scaledDamages, totalDamage } from "./damage-arithmetic.ts";
import { type LinearBits, quantizeAlong } from "./quantize-along.ts";

/** The options of `measureDamage`, and the damages that it has found. */
export interface RefineOptions extends DamageOptions {
  /** Measured on the same windows, for the same grid and group size. */
  readonly damages: Damages;
}

const OPTIONS: KnownOptions<RefineOptions> = { ...DAMAGE_OPTIONS, damages: true };

/** One window in four is held back. */
const HELD_BACK = 4;

/** Bits at which a part's KL is measured. At more bits it would drown in that of the writers after it. */
const MEASURED: Bits = 2;

/** Bits of the writers after a part. */
const WRITER_BITS = 8;

/** Bits of all linears that take as much memory as any plan that is measured: a whole one, or a part with the writers after it. */
const PLACED_BITS: Bits = 4;

/** Average bits of the plan by which all damages are scaled. */
const WHOLE_PLAN_BITS = 3;

/** Attention, or the rest of a block: linears whose errors are taken back by the same writers. */
interface Part {
  readonly layer: number;
  readonly linears: readonly Linear[];
  /** Linears behind them that write to the residual stream. */
  readonly writers: readonly Linear[];
}

/**
 * The damage of each linear at each width under error feedback, in nats of KL per token. The model itself is not changed.
 * @throws UsageError for fewer than two windows, an invalid grid, or a linear without damages; the signal's reason.
 */
export async function refineDamage(model: Model, windows: Windows, options: RefineOptions): Promise<Damages> {
  checkKnownOptions<RefineOptions>("refineDamage", options, OPTIONS);
  checkDamageGrid(options);
  if (windows.length < 2) throw new UsageError("calibration", "one window", "two, of which one is held back");
  const { damages, signal, sampleTokens = DAMAGE_SAMPLE_TOKENS } = options;
  const at = Math.min(windows.length, HELD_BACK) - 1;
  const own = windows.filter((_, index) => index % HELD_BACK !== at);
  const held = windows.filter((_, index) => index % HELD_BACK === at);
  const sample = damageSample(held, sampleTokens);
  requireRoom(model, checkWindows(own, model), refineNeeds(model, { own, sample, groupSize: options.groupSize }));
  return model.job(signal, async (turns) => {
    const changing = model.withWeights(overlayOf(model.weights));
    using probe = await DamageProbe.create(changing, sample, turns);
    const run = { ...options, own, probe, turns };
    return await scaleWhole(changing, await scaleParts(changing, damages, run), run);
  });
}

/** What refining takes beside a batch: the probe, a second batch, and a plan's matrices, as codes and in the engine. */
function refineNeeds(model: Model, { own, sample, groupSize }: RefineSize): BatchNeeds {
  const [probe, second] = [probeNeeds(model, sample), batchBytes(model, checkWindows(own, model))];
  let [inside, outside] = [probe.inside + second.inside, probe.outside + second.outside];
  for (const linear of model.weights.layers.flatMap(layerLinears)) {
    inside += placedBytes(linear, PLACED_BITS, groupSize);
    outside += linear.rows * linear.cols;
  }
  return { inside, outside };
}

/** Scales the damages of each part by its KL under error feedback. */
async function scaleParts(model: Model, damages: Damages, run: RefineRun): Promise<Damages> {
  const { own, turns, onProgress } = run;
  const parts = partsOf(model, run.grid);
  const refined = new Map(damages);
  using batch = new WindowBatch(model, own);
  await batch.embed(turns);
  const streamOf = () => batch.rows(batch.state.hidden).slice();
  const [first] = parts;
  const klOfWriters = await klOf(model, run, { layer: 0, stream: streamOf(), plan: writerBits(first) });
  for (const [done, part] of parts.entries()) {
    onProgress?.({ phase: "parts", done, total: parts.length, unit: "parts" });
    if (done > 0 && part.layer > parts[done - 1].layer) await batch.block(part.layer - 1, turns, () => {});
    const share = part.writers.length / Math.max(1, first.writers.length);
    const plan = { ...writerBits(part), ...Object.fromEntries(part.linears.map(({ name }) => [name, MEASURED])) };
    const kl = (await klOf(model, run, { layer: part.layer, stream: streamOf(), plan })) - share * klOfWriters;
    const sum = totalDamage(part.linears, damages, MEASURED);
    for (const { name } of part.linears)
      refined.set(name, scaledDamages(damages, name, sum > 0 ? Math.max(0, kl) / sum : 1));
  }
  return refined;
}

/** Scales all damages so that their sum is the measured KL of a whole plan. */
async function scaleWhole(model: Model, damages: Damages, run: RefineRun): Promise<Damages> {
  const { grid, groupSize, own, probe, turns } = run;
  const budget = { kind: "bits", averageBits: WHOLE_PLAN_BITS } as const;
  const { resolved, predictedKl } = knapsackPlan({ shapes: shapesOfFiles(model.files), groupSize }, damages, {
    budget,
  });
  const matrices = await quantizeAlong(model, own, resolved, { grid, groupSize, turns });
  const kl = await klWith(model, probe, matrices, turns);
  const factor = predictedKl > 0 ? kl / predictedKl : 1;
  return new Map([...damages.keys()].map((name) => [name, scaledDamages(damages, name, factor)]));
}

interface RefineSize {
  readonly own: Windows;
  readonly sample: Windows;
  readonly groupSize: number;
}

interface RefineRun extends DamageOptions {
  /** The windows to quantise on. */
  readonly own: Windows;
  /** Has the windows held back. Its model's linears are replaced. */
  readonly probe: DamageProbe;
  readonly turns: Turns;
}

interface Start {
  readonly layer: number;
  readonly stream: Float32Array;
  readonly plan: LinearBits;
}

/** KL of the model with the plan's linears quantised, everything before the layer float. */
async function klOf(model: Model, run: RefineRun, start: Start): Promise<number> {
  const { grid, groupSize, own, probe, turns } = run;
  if (Object.keys(start.plan).length === 0) return 0;
  const matrices = await quantizeAlong(model, own, start.plan, { grid, groupSize, from: start, turns });
  return klWith(model, probe, matrices, turns);
}

/** KL of the model with these matrices, by the names of their linears. */
async function klWith(
  { machine, weights }: Model,
  probe: DamageProbe,
  matrices: ReadonlyMap<string, QuantizedMatrix>,
  turns: Turns,
): Promise<number> {
  const linears = weights.layers.flatMap(layerLinears).filter(({ name }) => matrices.has(name));
  using placed = machine.arena.region();
  const matrixOf = ({ name }: Linear) => placeQuantized(machine, placed, name, matrices.get(name) as QuantizedMatrix);
  return await groupKl(probe, linears, matrixOf, turns);
}

/** Attention and the rest of each block, in the order of the forward pass. Without error feedback no part has writers. */
function partsOf({ weights }: Model, { errorFeedback = 0 }: GridSettings): readonly Part[] {
  const linears = weights.layers.flatMap(layerLinears).filter(isQuantizable);
  const parts = groupBy(linears, ({ layer, role }) => `${layer}/${role === "attention"}`);
  const placeOf = ({ layer, role }: Linear) => 2 * layer + (role === "attention" ? 0 : 1);
  return [...parts.values()].map((members) => {
    const isBehind = (linear: Linear) => placeOf(linear) > placeOf(members[0]) && isWriter(linear);
    return { layer: members[0].layer, linears: members, writers: errorFeedback > 0 ? linears.filter(isBehind) : [] };
  });
}

function isWriter(linear: Linear): boolean {
  const site = siteOf(linear);
  return site === "output" || site === "denseDown" || site === "sharedDown" || site === "expertsDown";
}

function writerBits({ writers }: Part): LinearBits {
  return Object.fromEntries(writers.map(({ name }) => [name, WRITER_BITS]));
}
