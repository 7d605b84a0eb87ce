/** Compares two benchmarks test by test: the ratio of their means, and an interval in which the true ratio lies. */
import { UsageError } from "../../base/errors.ts";
import { exp } from "../../base/exact-math.ts";
import { studentQuantile } from "../../eval/stats/beta.ts";
import { type Interval, intervalContains } from "../../eval/stats/interval.ts";
import type { BenchReport, BenchResult, Unit } from "./bench-report.ts";

/** One test of both benchmarks. */
export interface TestRatio {
  readonly test: string;
  readonly unit: Unit;
  readonly a: Pick<BenchResult, "mean" | "sd" | "n">;
  readonly b: Pick<BenchResult, "mean" | "sd" | "n">;
  /** Mean of b divided by that of a. */
  readonly ratio: number;
  /** Interval of the ratio at the level of the comparison; null if one of them has a single sample. */
  readonly interval: Interval | null;
  /** Whether b is `faster`, `slower`, or `same`: the interval contains 1. Null without an interval. */
  readonly verdict: "faster" | "slower" | "same" | null;
}

/** Two benchmarks, a and b, side by side. */
export interface BenchComparison {
  readonly level: number;
  readonly tests: readonly TestRatio[];
  /** Tests that only one of them has. */
  readonly onlyA: readonly string[];
  readonly onlyB: readonly string[];
  /** The hash of what both compute; null if they compute different things. */
  readonly hash: string | null;
  /** Sentences on what else differs: model, hash, machine, runtime, engine. */
  readonly differences: readonly string[];
}

/** @param level of the intervals. @throws UsageError for two benchmarks without a common test. */
export function compareBenches(a: BenchReport, b: BenchReport, level: number = 0.95): BenchComparison {
  if (!(level > 0 && level < 1)) throw new UsageError("level", String(level), "a number between 0 and 1");
  const byTest = new Map(b.results.map((result) => [result.test, result]));
  const tests = a.results.flatMap((one) => {
    const other = byTest.get(one.test);
    return other === undefined || other.unit !== one.unit ? [] : [ratioOf(one, other, level)];
  });
  if (tests.length === 0)
    throw new UsageError("tests of two benchmarks", `${namesOf(a)} and ${namesOf(b)}`, "at least one that both have");
  const common = new Set(tests.map(({ test }) => test));
  const rest = ({ results }: BenchReport) => results.map(({ test }) => test).filter((test) => !common.has(test));
  const hash = a.hash === b.hash ? a.hash : null;
  return { level, tests, onlyA: rest(a), onlyB: rest(b), hash, differences: differencesOf(a, b) };
}

/**
 * The logarithm of a mean has about the standard error s / (mean sqrt(n)). Their difference is compared with Student's t, with the
 * degrees of freedom of Welch (1947).
 */
function ratioOf(a: BenchResult, b: BenchResult, level: number): TestRatio {
  const ratio = b.mean / a.mean;
  const sides = { a: part(a), b: part(b) };
  const base = { test: a.test, unit: a.unit, ...sides, ratio };
  if (a.n < 2 || b.n < 2) return { ...base, interval: null, verdict: null };
  const [ofA, ofB] = [variance(a), variance(b)];
  const both = ofA + ofB;
  const freedom = both === 0 ? 1 : both ** 2 / (ofA ** 2 / (a.n - 1) + ofB ** 2 / (b.n - 1));
  const reach = both === 0 ? 0 : studentQuantile((1 + level) / 2, freedom) * Math.sqrt(both);
  const interval: Interval = [ratio * exp(-reach), ratio * exp(reach)];
  return { ...base, interval, verdict: verdictOf(a.unit, ratio, interval) };
}

function part({ mean, sd, n }: BenchResult): TestRatio["a"] {
  return { mean, sd, n };
}

/** Variance of the logarithm of a mean. */
function variance({ mean, sd, n }: BenchResult): number {
  return (sd / mean) ** 2 / n;
}

function verdictOf(unit: Unit, ratio: number, interval: Interval): TestRatio["verdict"] {
  if (intervalContains(interval, 1)) return "same";
  return ratio > 1 === (unit !== "ms") ? "faster" : "slower";
}

function namesOf({ results }: BenchReport): string {
  return results.length === 0 ? "no tests" : results.map(({ test }) => test).join(", ");
}

function differencesOf(a: BenchReport, b: BenchReport): readonly string[] {
  const facts = (report: BenchReport): Readonly<Record<string, string>> => ({
    model: report.model?.name ?? "none",
    processor: report.machine.cpu ?? "unknown",
    cores: String(report.machine.cores),
    runtime: report.runtime,
    version: report.engine.version,
    kernels: `${report.engine.kernels} (${report.engine.dots})`,
    threads: String(report.engine.threads),
    "patience of threads": `${report.engine.patience} us`,
    activations: report.engine.activations,
    "hash of what they compute": report.hash.slice(0, 12),
  });
  const [ofA, ofB] = [facts(a), facts(b)];
  return Object.keys(ofA)
    .filter((key) => ofA[key] !== ofB[key])
    .map((key) => `${key}: ${ofA[key]} and ${ofB[key]}`);
}
