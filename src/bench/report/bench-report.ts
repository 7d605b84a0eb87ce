/** The result of a benchmark: what was measured, on what machine, with what engine. */
import type { PagingFacts } from "../../model/weights/paged/paging-facts.ts";
import type { EngineInfo } from "../../runtime/language-model.ts";
import type { Ceiling, Ceilings } from "../ceilings.ts";
import type { MachineFacts } from "../machine-facts.ts";

/** Units in which results are given. Of milliseconds fewer are better, of the others more. */
export const UNITS = ["tokens/s", "ms", "GB/s", "Gop/s"] as const;
/** The unit of a result. */
export type Unit = (typeof UNITS)[number];

/** One test: mean and standard deviation (n - 1) of its samples. */
export interface BenchResult {
  /** `pp512`: a prompt of 512 tokens; `tg128`: 128 decoded tokens; ` @ d1024`: after 1024 others; or a kernel and its shape. */
  readonly test: string;
  readonly mean: number;
  /** 0 for a single sample. */
  readonly sd: number;
  readonly unit: Unit;
  readonly n: number;
  readonly samples: readonly number[];
  /** The ceiling of the same run that limits the test, and the share of it that the mean reaches; null where none is known. */
  readonly ceiling: Ceiling | null;
  readonly share: number | null;
}

/** The model of a benchmark: sizes from its headers. */
export interface BenchModel {
  readonly name: string;
  readonly parameters: number;
  readonly activeParameters: number;
  /** Bytes of its weight files, and of the weights that a decoded token reads in memory. */
  readonly fileBytes: number;
  readonly bytesPerToken: number;
}

/** Bytes of memory. */
export interface BenchMemory {
  /** Linears that are in memory after the warm-up: all of them, unless a limit of memory keeps experts out. */
  readonly weights: number;
  /** Keys and values of the sessions that were measured. */
  readonly cache: number;
  /** All else in the engine's memory: run buffers, tables, tapes. */
  readonly scratch: number;
  /** Most resident memory of the process before the machine's ceilings were measured; null where the runtime does not tell. */
  readonly peakResident: number | null;
  /** With a limit of memory that leaves experts out: what reading them took in all tests. */
  readonly paging?: BenchPaging;
}

export type BenchPaging = Pick<PagingFacts, "limitBytes" | "uses" | "misses" | "readBytes">;

/** What `bench` and `benchKernels` give, and `quern bench --json` prints. */
export interface BenchReport {
  readonly machine: MachineFacts;
  /** Name and version of the JavaScript runtime. */
  readonly runtime: string;
  readonly engine: EngineInfo;
  /** Null for a benchmark of the kernels alone. */
  readonly model: BenchModel | null;
  /** Bytes or operations per second. */
  readonly ceilings: Ceilings;
  readonly results: readonly BenchResult[];
  /** Null for a benchmark of the kernels alone. */
  readonly memory: BenchMemory | null;
  /**
   * SHA-256 of the logits of fourteen fixed tokens, as in `ci/golden.json`; without a model, of a quantised matrix. The same on every
   * runtime, build and number of threads.
   */
  readonly hash: string;
}

/** The share of a ceiling that a mean means: work per second, by what the ceiling counts. */
export interface Limit {
  readonly ceiling: Ceiling;
  /** Share of the ceiling that a mean of 1 reaches. */
  readonly perUnit: (ceilings: Ceilings) => number;
}

/** The result of a test whose samples are `samples`. */
export function resultOf(
  { test, unit, limit }: { readonly test: string; readonly unit: Unit; readonly limit?: Limit },
  samples: readonly number[],
  ceilings: Ceilings,
): BenchResult {
  const n = samples.length;
  const mean = samples.reduce((sum, each) => sum + each, 0) / n;
  const squares = samples.reduce((sum, each) => sum + (each - mean) ** 2, 0);
  const sd = n === 1 ? 0 : Math.sqrt(squares / (n - 1));
  const share = limit === undefined ? null : mean * limit.perUnit(ceilings);
  return { test, mean, sd, unit, n, samples, ceiling: limit?.ceiling ?? null, share };
}
