/** Exports `quern/bench`: how fast a model or the kernels run here, where the time goes, and how two such measurements differ. */
export type { Ceiling, Ceilings } from "./bench/ceilings.ts";
export { logitsHash, matrixHash } from "./bench/golden-hashes.ts";
export { benchKernels, type KernelBenchOptions } from "./bench/kernels/bench-kernels.ts";
export type { MachineFacts } from "./bench/machine-facts.ts";
export type { MeasureOptions } from "./bench/measuring.ts";
export { type Profile, type ProfileOptions, profile } from "./bench/profile/profile.ts";
export type { PhaseProfile, ProfileRow } from "./bench/profile/profile-rows.ts";
export type { BenchMemory, BenchModel, BenchReport, BenchResult, Unit } from "./bench/report/bench-report.ts";
export { type BenchComparison, compareBenches, type TestRatio } from "./bench/report/compare-reports.ts";
export { readBenchReport } from "./bench/report/report-schema.ts";
export { type BenchOptions, bench } from "./bench/run/bench-model.ts";
