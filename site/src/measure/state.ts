/** Measuring: the benchmark's report, how far it is, and what other machines measured. */
import { type Signal, signal } from "@preact/signals";
import type { BenchReport } from "../../../src/bench.ts";
import type { Progress } from "../../../src/model/model.ts";
import { failed, notice } from "../engine/model-state.ts";
import type { OpenModel } from "../engine/wishes.ts";

export interface Stored {
  /** Hashes that every machine must find, by model, activations and kind. */
  readonly golden: Readonly<Record<string, string>>;
  readonly machines: readonly BenchReport[];
}

export const report: Signal<{ readonly report: BenchReport; readonly model: string } | undefined> = signal(undefined);
export const running: Signal<Progress | "beginning" | undefined> = signal(undefined);
export const stored: Signal<Stored | undefined> = signal(undefined);

let controller: AbortController | undefined;

const QUICK = { prompt: [128], generate: [64], depth: [0], repeat: 2, matrix: 0, streamBytes: 32 * 2 ** 20 };
const WELL = { prompt: [128], generate: [64], depth: [0], repeat: 5, matrix: 1024 };

export async function startMeasuring({ name, worker }: OpenModel, isQuick: boolean): Promise<void> {
  controller = new AbortController();
  running.value = "beginning";
  report.value = undefined;
  const onProgress = (step: Progress) => {
    running.value = step;
  };
  try {
    const found = await worker.bench({ ...(isQuick ? QUICK : WELL), signal: controller.signal, onProgress });
    // Files that are given one by one have no folder whose name the benchmark could tell.
    report.value = { model: name, report: { ...found, model: found.model && { ...found.model, name } } };
  } catch (error) {
    failed(error, "measure");
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
