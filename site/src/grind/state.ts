/** Grinding: what is wished, how far it is, and what came of it. */
import { type Signal, signal } from "@preact/signals";
import { engine } from "../engine/engine.ts";
import { failureSentence } from "../engine/failures.ts";
import { model, notice } from "../engine/model-state.ts";
import type { GrindWish, Ground, Step } from "../engine/wishes.ts";

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
export const running: Signal<{ readonly step: Step | undefined; readonly begun: number } | undefined> =
  signal(undefined);
export const ground: Signal<Ground | undefined> = signal(undefined);

let controller: AbortController | undefined;

export async function startGrinding(): Promise<void> {
  controller = new AbortController();
  const { signal: ending } = controller;
  const begun = performance.now();
  running.value = { step: undefined, begun };
  ground.value = undefined;
  try {
    const onEvent = (step: Step) => {
      running.value = { step, begun };
    };
    ground.value = await engine.call("grind", wishOf(form.value), { signal: ending, onEvent });
  } catch (error) {
    notice(failureSentence(error, "grind"));
  } finally {
    running.value = undefined;
  }
}

export function cancelGrinding(): void {
  controller?.abort();
}

function wishOf({ way, bits, budget, spender, policy, samples }: GrindForm): GrindWish {
  const common = { samples, seed: 0 };
  if (way === "bits") return { ...common, bits };
  return way === "budget" ? { ...common, policy: spender, budget } : { ...common, policy };
}

/** Whether the open model can be ground: GPTQ starts from float weights. */
export function canGrind(): boolean {
  return model.value !== undefined && model.value.averageBits >= 16;
}
