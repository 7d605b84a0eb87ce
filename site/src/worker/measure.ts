/** Measures the open model with the product's own benchmark, on a copy that the benchmark opens and closes itself. */
import { type BenchReport, bench } from "../../../src/bench.ts";
import type { Step } from "../engine/wishes.ts";
import type { Models } from "./models.ts";

interface Running {
  readonly signal: AbortSignal;
  readonly tell: (step: Step) => void;
}

const QUICK = { prompt: [128], generate: [64], depth: [0], repeat: 2, matrix: 0, streamBytes: 32 * 2 ** 20 };
const FULL = { prompt: [128], generate: [64], depth: [0], repeat: 5, matrix: 1024 };

export async function measure(models: Models, quick: boolean, { signal, tell }: Running): Promise<BenchReport> {
  const options = { ...(quick ? QUICK : FULL), signal, onProgress: tell };
  const report = await bench(() => models.reopen(signal), options);
  // Files that are given one by one have no folder whose name the benchmark could tell.
  return { ...report, model: report.model && { ...report.model, name: models.name } };
}
