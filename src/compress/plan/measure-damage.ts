/**
 * Measures the cost of each width of each linear, in nats of KL per token.
 *
 * GPTQ's own loss gives the ratio of a linear's errors at two widths, and the share of each expert of a layer (an expert's loss is
 * weighted by its tokens and by the square of its mean gate weight, with which it reaches the output). The KL of one unit of loss is
 * measured: the linears of one kind in one layer (all experts' gates, for example) are replaced together, with everything else float,
 * and the KL to the float model is taken on a sample. Only 2 and 3 bits are measured, because the small differences at more bits would
 * drown in changed routing. One factor per group scales the losses of all widths.
 */
import { UsageError } from "../../base/errors.ts";
import { groupBy } from "../../base/group-by.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import { ExpertTally, type ExpertUse } from "../../eval/perplexity/expert-usage.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { follow, layerLinears, overlayOf } from "../../model/weights/weight-tree.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { isQuantizable } from "../../tensor/linear-shape.ts";
import type { Matrix } from "../../tensor/matrix.ts";
import { checkGridSettings } from "../recipe/check-settings.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import { DAMAGE_SAMPLE_TOKENS, type Damages } from "../statistics/damage-table.ts";
import { PLAIN_NEEDS, requireRoom } from "../windows/batch-room.ts";
import { checkWindows, type Windows } from "../windows/window-batch.ts";
import { type Alternative, type Alternatives, alternativeBytes, alternativesOfLayers } from "./damage-alternatives.ts";
import { DamageProbe, probeNeeds } from "./damage-probe.ts";

/** The grid and group size that damage is measured for, and the number of tokens for KL. */
export interface DamageOptions {
  readonly grid: Omit<QuantizeSettings, "modules">;
  readonly groupSize: number;
  /** Tokens on which KL is measured, taken from the first windows. Default: DAMAGE_SAMPLE_TOKENS. */
  readonly sampleTokens?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Widths whose KL is measured, and widths whose GPTQ loss is computed. 8 bits follow from 4 by the square of the step. */
const MEASURED = [2, 3] as const;
const WIDTHS = [2, 3, 4] as const;

/** The names of the options of a measurement. */
export const DAMAGE_OPTIONS: KnownOptions<DamageOptions> = {
  ...{ grid: true, groupSize: true, sampleTokens: true, signal: true, onProgress: true },
};

/** The damage of each linear at each width. The model itself is not changed, so others may use it meanwhile. */
export async function measureDamage(model: Model, windows: Windows, options: DamageOptions): Promise<Damages> {
  checkKnownOptions<DamageOptions>("measureDamage", options, DAMAGE_OPTIONS);
  checkDamageGrid(options);
  return model.job(options.signal, (turns) => measureGroups(model, windows, options, turns));
}

async function measureGroups(model: Model, windows: Windows, options: DamageOptions, turns: Turns): Promise<Damages> {
  const { grid, groupSize, onProgress } = options;
  const sample = damageSample(windows, options.sampleTokens ?? DAMAGE_SAMPLE_TOKENS);
  const { inside, outside } = probeNeeds(model, sample);
  const ofAlternatives = alternativeBytes(model, { placed: MEASURED, groupSize });
  const needs = { inside: inside + ofAlternatives, outside, ...PLAIN_NEEDS };
  requireRoom(model, checkWindows(windows, model), needs);
  const changing = model.withWeights(overlayOf(model.weights));
  using probe = await DamageProbe.create(changing, sample, turns);
  const damages = new Map<string, Record<Bits, number>>();
  const groups = groupsOf(changing);
  const linears = groups.reduce((sum, group) => sum + group.length, 0);
  const [total, steps] = [WIDTHS.length * linears + groups.length, { quantised: 0, measured: 0 }];
  const tell = (step: Partial<typeof steps>) => {
    Object.assign(steps, step);
    onProgress?.({ phase: "damage", done: steps.quantised + steps.measured, total, unit: "steps" });
  };
  const tally = new ExpertTally(model);
  const run = {
    grid,
    tally,
    widths: WIDTHS,
    placed: MEASURED,
    groupSize,
    turns,
    onMatrices: (quantised: number) => tell({ quantised }),
  };
  tell({});
  for await (const alternatives of alternativesOfLayers(model, windows, run)) {
    const usage = tally.result();
    for (const group of groups.filter(([{ name }]) => alternatives.has(name))) {
      const losses = group.map((linear) => weightedLosses(linear, alternatives, usage, grid.gateWeighted === true));
      let [kl, loss] = [0, 0];
      for (const bits of MEASURED) {
        const matrixOf = (linear: Linear) => alternativeOf(alternatives, linear, bits).matrix as Matrix;
        kl += await groupKl(probe, group, matrixOf, turns);
        for (const one of losses) loss += one[bits];
      }
      const worth = loss > 0 ? kl / loss : 0;
      group.forEach(({ name }, i) => void damages.set(name, damagesAt(losses[i], worth)));
      tell({ measured: steps.measured + 1 });
    }
  }
  return damages;
}

/** @param worth the KL of one unit of loss. */
function damagesAt(losses: Record<(typeof WIDTHS)[number], number>, worth: number): Record<Bits, number> {
  const { 2: two, 3: three, 4: four } = losses;
  const eight = four * stepRatio(8, 4) * stepRatio(8, 4);
  return { 2: worth * two, 3: worth * three, 4: worth * four, 8: worth * eight };
}

/** @throws UsageError for an invalid grid or number of tokens. */
export function checkDamageGrid({ grid, sampleTokens = DAMAGE_SAMPLE_TOKENS }: DamageOptions): void {
  checkGridSettings(grid);
  if (!(Number.isInteger(sampleTokens) && sampleTokens >= 1))
    throw new UsageError("sampleTokens", String(sampleTokens), "a whole number from 1");
}

/** Whole windows until the sample has at least this many tokens. */
export function damageSample(windows: Windows, tokens: number): Windows {
  let sum = 0;
  const sample = windows.filter((window) => {
    const fits = sum < tokens;
    sum += window.length;
    return fits;
  });
  return sample;
}

/** Groups of linears with the same layer, role and projection. */
function groupsOf(model: Model): readonly (readonly Linear[])[] {
  const linears = model.weights.layers.flatMap(layerLinears).filter(isQuantizable);
  const groups = groupBy(linears, ({ layer, role, projection }) => `${layer}/${role}/${projection}`);
  return [...groups.values()];
}

/** KL of the model, an overlay, with some linears replaced; the first one is computed first. */
export async function groupKl(
  probe: DamageProbe,
  group: readonly Linear[],
  matrixOf: (linear: Linear) => Matrix,
  turns: Turns,
): Promise<number> {
  const { role, layer } = group[0];
  try {
    for (const linear of group) linear.matrix = matrixOf(linear);
    return Math.max(0, await probe.kl(role === "head" ? probe.layers : layer, turns));
  } finally {
    group.forEach(follow);
  }
}

function alternativeOf(alternatives: Alternatives, { name }: Linear, bits: Bits): Alternative {
  return (alternatives.get(name) ?? []).find((one) => one.bits === bits) as Alternative;
}

/** GPTQ's loss of a linear at each width, times its weight within its group. */
function weightedLosses(
  linear: Linear,
  alternatives: Alternatives,
  usage: readonly ExpertUse[],
  gateWeighted: boolean,
): Record<(typeof WIDTHS)[number], number> {
  const { role, layer, expert } = linear;
  const use = role === "expert" ? usage.find((one) => one.layer === layer && one.expert === expert) : undefined;
  // A gate-weighted Hessian already contains the squares of the gates.
  const squares = use === undefined || use.tokens === 0 ? 0 : (use.gateSum * use.gateSum) / use.tokens;
  const weight = use === undefined ? 1 : gateWeighted ? use.tokens : squares;
  const lossAt = (bits: Bits) => weight * alternativeOf(alternatives, linear, bits).loss;
  return { 2: lossAt(2), 3: lossAt(3), 4: lossAt(4) };
}

/** A symmetric grid of b bits has 2^b - 1 steps. */
function stepRatio(bits: number, reference: number): number {
  return (2 ** reference - 1) / (2 ** bits - 1);
}
