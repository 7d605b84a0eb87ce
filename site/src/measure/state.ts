/** Measuring: the benchmark's report, how far it is, and what other machines measured. */
import { type Signal, signal } from "@preact/signals";
import type { BenchReport } from "../../../src/bench.ts";
import { engine } from "../engine/engine.ts";
import { failureSentence } from "../engine/failures.ts";
import { notice } from "../engine/model-state.ts";
import type { Step } from "../engine/wishes.ts";

export interface Stored {
  /** Hashes that every machine must find, by model, activations and kind. */
  readonly golden: Readonly<Record<string, string>>;
  readonly machines: readonly BenchReport[];
}

export const report: Signal<{ readonly report: BenchReport; readonly model: string } | undefined> = signal(undefined);
export const running: Signal<Step | "beginning" | undefined> = signal(undefined);
export const stored: Signal<Stored | undefined> = signal(undefined);

let controller: AbortController | undefined;

export async function startMeasuring(model: string, quick: boolean): Promise<void> {
  controller = new AbortController();
  running.value = "beginning";
  report.value = undefined;
  try {
    const onEvent = (step: Step) => {
      running.value = step;
    };
    report.value = { model, report: await engine.call("measure", { quick }, { signal: controller.signal, onEvent }) };
  } catch (error) {
    notice(failureSentence(error, "measure"));
  } finally {
    running.value = undefined;
  }
}

export function cancelMeasuring(): void {
  controller?.abort();
}

export async function readStored(): Promise<void> {
  if (stored.value !== undefined) return;
  try {
    const response = await fetch("machines.json");
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    stored.value = (await response.json()) as Stored;
  } catch (error) {
    notice(
      `What other machines measured could not be read: ${(error as Error).message}. This machine is measured all the same.`,
    );
  }
}

/** The hash that the report must have; undefined for models without one. */
export function goldenHash(model: string, { engine: { activations } }: BenchReport): string | undefined {
  return stored.value?.golden[`${model} ${activations} logits`];
}
