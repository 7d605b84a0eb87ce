/** Grinding: what is wished, how far it is, and what came of it. */
import { type Signal, signal } from "@preact/signals";
import type { ReferenceComparison } from "../../../src/eval/compare/compare.ts";
import type { Progress } from "../../../src/model/model.ts";
import type { WorkerModel, WorkerQuantizeOptions } from "../../../src/worker.ts";
import { failed, model } from "../engine/model-state.ts";
import type { OpenModel } from "../engine/wishes.ts";

/** A model that was ground from the open one, and compared with it. */
export interface Ground {
  readonly name: string;
  readonly float: WorkerModel;
  readonly small: WorkerModel;
  /** How long quantising took. */
  readonly seconds: number;
  readonly comparison: ReferenceComparison;
}

export type Way = "bits" | "budget" | "policy";

export interface GrindForm {
  readonly way: Way;
  readonly bits: 2 | 3 | 4 | 8;
  readonly budget: number;
  /** How a budget is spent: by a rule found in seconds, or by damages that are measured first. */
  readonly spender: "auto" | "knapsack";
  readonly policy: string;
  readonly samples: number;
}

export const form: Signal<GrindForm> = signal({
  ...{ way: "bits", bits: 3, budget: 3, spender: "auto", policy: "attention:4,base:2+importance:2@4", samples: 16 },
});
export const running: Signal<{ readonly step: Progress | undefined; readonly begun: number } | undefined> =
  signal(undefined);
export const ground: Signal<Ground | undefined> = signal(undefined);

let controller: AbortController | undefined;

export async function startGrinding(): Promise<void> {
  const open = model.value;
  if (open === undefined) return;
  controller = new AbortController();
  const begun = performance.now();
  const onProgress = (step: Progress) => {
    running.value = { step, begun };
  };
  running.value = { step: undefined, begun };
  forgetGround();
  try {
    ground.value = await groundFrom(open, { signal: controller.signal, onProgress });
  } catch (error) {
    failed(error, "grind");
  } finally {
    running.value = undefined;
  }
}

interface GrindRun {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

async function groundFrom({ name, worker: float }: OpenModel, run: GrindRun): Promise<Ground> {
  const begun = performance.now();
  const small = await float.quantize({ ...optionsOf(form.value, float.facts.context), ...run });
  const seconds = (performance.now() - begun) / 1000;
  try {
    const comparison = await small.compare(float, run);
    return { name: `${name}, ${small.facts.averageBits.toFixed(2)} bits`, float, small, seconds, comparison };
  } catch (error) {
    await small[Symbol.asyncDispose]();
    throw error;
  }
}

/** Frees the model that was ground. */
export function forgetGround(): void {
  ground.value?.small[Symbol.asyncDispose]().catch(() => {}); // its worker may have ended
  ground.value = undefined;
}

export function cancelGrinding(): void {
  controller?.abort();
}

/** Texts for calibration have this length, in tokens, or that of the model's context. */
const LENGTH = 256;

function optionsOf({ way, bits, budget, spender, policy, samples }: GrindForm, context: number): WorkerQuantizeOptions {
  const common = { self: { samples, seed: 0, length: Math.min(LENGTH, context) } };
  if (way === "bits") return { ...common, bits };
  return way === "budget" ? { ...common, policy: spender, budget } : { ...common, policy };
}

/** Whether the open model can be ground: GPTQ starts from float weights. */
export function canGrind(): boolean {
  return model.value !== undefined && model.value.worker.facts.averageBits >= 16;
}
