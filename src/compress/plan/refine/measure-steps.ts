/** Measures what each linear of a planned model costs or saves one step up and one step down, with all others as planned. */
import type { Turns } from "../../../base/turns.ts";
import type { Model, Progress } from "../../../model/model.ts";
import { layerLinears, overlayOf } from "../../../model/weights/weight-tree.ts";
import type { PlanBits } from "../../../policy/bit-plan.ts";
import { placeQuantized } from "../../windows/place-quantized.ts";
import type { Windows } from "../../windows/window-batch.ts";
import { DamageProbe } from "../damage-probe.ts";
import type { LinearBits, Neighbours } from "./quantize-along.ts";

/** A change of one linear to another width. */
export interface PlanStep {
  readonly name: string;
  readonly bits: PlanBits;
  /** KL with this change minus KL of the plan, in nats per token. Negative for a change that helps. */
  readonly change: number;
}

/** What was measured around a plan. */
export interface MeasuredSteps {
  /** KL(float || planned model), in nats per token. */
  readonly kl: number;
  readonly steps: readonly PlanStep[];
}

export interface StepRun {
  /** Tokens on which KL is measured. They should not be those that the matrices were quantised on, which fit them too well. */
  readonly windows: Windows;
  /** Steps are only measured around a plan with less KL than this, in nats per token. Default: always. */
  readonly below?: number;
  readonly turns: Turns;
  readonly onProgress?: (progress: Progress) => void;
}

/** Measures all widths that `neighbours` has beside the planned ones; no steps if it has no others. The model is not changed. */
export async function measureSteps(
  model: Model,
  plan: LinearBits,
  neighbours: Neighbours,
  { windows, below = Number.POSITIVE_INFINITY, turns, onProgress }: StepRun,
): Promise<MeasuredSteps> {
  const { machine } = model;
  const changing = model.withWeights(overlayOf(model.weights));
  using probe = await DamageProbe.create(changing, windows, turns);
  using region = machine.arena.region();
  const linears = changing.weights.layers.flatMap(layerLinears).filter(({ name }) => neighbours.has(name));
  for (const linear of linears) {
    const planned = neighbours.get(linear.name)?.get(plan[linear.name]);
    if (planned !== undefined) linear.matrix = placeQuantized(machine, region, linear.name, planned);
  }
  await probe.follow(turns);
  const kl = await probe.kl(model.config.layers, turns);
  const steps: PlanStep[] = [];
  if (!(kl < below)) return { kl, steps };
  for (const [done, linear] of linears.entries()) {
    onProgress?.({ phase: "steps", done, total: linears.length, unit: "matrices", detail: linear.name });
    const { name, matrix: planned } = linear;
    for (const [bits, matrix] of neighbours.get(name) ?? []) {
      if (bits === plan[name]) continue;
      using scratch = machine.arena.region();
      linear.matrix = placeQuantized(machine, scratch, name, matrix);
      steps.push({ name, bits, change: (await probe.kl(linear.layer, turns)) - kl });
      linear.matrix = planned;
    }
  }
  return { kl, steps };
}
