/** Documents of benchmarks with fixed figures. */
import type { BenchReport, BenchResult, Unit } from "../../../src/bench/report/bench-report.ts";

export function fixedResult(test: string, mean: number, sd: number, n: number, unit: Unit = "tokens/s"): BenchResult {
  return { test, mean, sd, unit, n, samples: Array<number>(n).fill(mean), ceiling: "read", share: 0.5 };
}

export function fixedReport(results: readonly BenchResult[]): BenchReport {
  return {
    machine: { cpu: "A processor", cores: 4, memoryBytes: 8e9, platform: "linux x64" },
    runtime: "node 24.1.0",
    engine: {
      version: "0.1.0",
      kernels: "relaxed",
      dots: "unsigned",
      threads: 2,
      patience: 200,
      activations: "int8",
      runtime: "node 24.1.0",
    },
    model: { name: "some-model", parameters: 2e6, activeParameters: 1e6, fileBytes: 2e6, bytesPerToken: 1e6 },
    ceilings: { read: 10e9, dotI8: 200e9, dotI16: 100e9, f32: 50e9 },
    results,
    memory: { weights: 2e6, cache: 1e5, scratch: 2e5, peakResident: 9e7 },
    hash: "0123456789abcdef".repeat(4),
  };
}
