/** Measures the kernels without a model: linears of some formats, GPTQ and its parts, in turn with the machine's ceilings. */
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { VERSION } from "../../base/version.ts";
import { runtimeName } from "../../runtime/language-model.ts";
import { createMachine } from "../../wasm/embedded.ts";
import type { Machine, MachineOptions } from "../../wasm/machine.ts";
import { CeilingProbes, STREAM_BYTES } from "../ceilings.ts";
import { matrixHash } from "../golden-hashes.ts";
import { machineFacts } from "../machine-facts.ts";
import { checkMeasuring, MEASURE_OPTIONS, type MeasureOptions, type Measuring } from "../measuring.ts";
import { type BenchReport, type BenchResult, type Limit, resultOf, type Unit } from "../report/bench-report.ts";
import { timedRate } from "../timing.ts";
import { GptqWork } from "./gptq-work.ts";
import { type LinearRow, layLinears, linearRows, linearWork } from "./linear-rows.ts";

/** Options of the kernels' benchmark: those of all benchmarks, and the engine's. */
export interface KernelBenchOptions extends MeasureOptions, MachineOptions {
  /** Rows and columns of the linears; a multiple of 128. Default 4096. */
  readonly size?: number;
  /** Only tests whose name contains this text. */
  readonly only?: string;
}

const KNOWN: KnownOptions<KernelBenchOptions> = {
  ...MEASURE_OPTIONS,
  ...{ kernels: true, dots: true, threads: true, patience: true, onWarning: true, size: true, only: true },
};

interface KernelRun extends Measuring {
  readonly machine: Machine;
  readonly probes: CeilingProbes;
}

/** One test: what it needs is made when its turn comes, and a sample is its figure. */
interface KernelTest {
  readonly test: string;
  readonly unit: Unit;
  readonly limit?: Limit;
  readonly measure: (run: KernelRun) => Promise<readonly number[]>;
}

/** Measures kernels on an engine of its own. @throws UsageError for an option out of range or unknown. */
export async function benchKernels(options: KernelBenchOptions = {}): Promise<BenchReport> {
  checkKnownOptions("benchKernels", options, KNOWN);
  const { kernels, dots, threads, patience, onWarning, streamBytes = STREAM_BYTES, only = "", size } = options;
  const measuring = checkMeasuring(options);
  await using machine = await createMachine({ kernels, dots, threads, patience, onWarning });
  using probes = new CeilingProbes(machine, streamBytes);
  const run = { ...measuring, machine, probes };
  const tests = [
    ...linearRows(machine.dots, size).map((row) => linearTest(row, { streamBytes, size })),
    ...(run.matrix === 0 ? [] : gptqTests(run.matrix)),
  ].filter(({ test }) => test.includes(only));
  const measured: [KernelTest, readonly number[]][] = [];
  for (const test of tests) {
    measured.push([test, await test.measure(run)]);
    run.tell(measured.length, tests.length);
  }
  await probes.sample(run.turns);
  const ceilings = probes.best;
  const results = measured.map(([test, samples]): BenchResult => resultOf(test, samples, ceilings));
  const hash = await matrixHash(machine, run.turns);
  const runtime = runtimeName();
  const engine = {
    version: VERSION,
    kernels: machine.build,
    dots: machine.dots,
    threads: machine.threads,
    patience: machine.patience,
    activations: "int8",
    runtime,
  } as const;
  return { machine: machineFacts(), runtime, engine, model: null, ceilings, results, memory: null, hash };
}

function linearTest(row: LinearRow, layout: { readonly streamBytes: number; readonly size?: number }): KernelTest {
  const { bytes, operations } = linearWork(row, layout.size);
  const isReading = row.ceiling === "read";
  const unit = isReading ? "GB/s" : "Gop/s";
  const measure = async (run: KernelRun) => {
    using memory = run.machine.arena.region();
    const tapes = layLinears(run.machine, memory, row, layout);
    let turn = 0;
    const call = () => tapes[turn++ % tapes.length].run();
    return await rates(run, call, isReading ? bytes : operations);
  };
  return { test: row.test, unit, limit: { ceiling: row.ceiling, perUnit: (all) => 1e9 / all[row.ceiling] }, measure };
}

/** Samples in 1e9 a second, in turn with samples of the ceilings. The first, during which the call is compiled, does not count. */
async function rates({ repeat, probes, turns }: KernelRun, call: () => void, work: number): Promise<readonly number[]> {
  const samples: number[] = [];
  for (let round = 0; round <= repeat; round++) {
    await probes.sample(turns);
    samples.push(timedRate(call, work) / 1e9);
  }
  return samples.slice(1);
}

/** The parts of GPTQ in operations, and the whole in time. */
function gptqTests(size: number): readonly KernelTest[] {
  const shape = `${size}x${size}`;
  const gram = (precision: "f32" | "f64"): KernelTest => ({
    test: `gram ${precision} ${shape}`,
    unit: "Gop/s",
    limit: { ceiling: "f32", perUnit: ({ f32 }) => 1e9 / f32 },
    measure: async (run) => {
      using work = new GptqWork(run.machine, size);
      return await rates(run, () => work.gram(precision), size ** 3);
    },
  });
  return [
    gram("f32"),
    gram("f64"),
    timed(`cholesky f64 ${shape}`, "Gop/s", size, (work, turns) => work.factor(turns)),
    timed(`gptq ${shape}`, "ms", size, (work, turns) => work.quantize(turns)),
  ];
}

/** A test of asynchronous work on a matrix whose Hessian is there. Factoring and inverting are two thirds of size^3 operations. */
function timed(
  test: string,
  unit: "Gop/s" | "ms",
  size: number,
  once: (work: GptqWork, turns: Measuring["turns"]) => Promise<void>,
): KernelTest {
  const measure = async ({ machine, repeat, turns }: KernelRun) => {
    using work = new GptqWork(machine, size);
    work.gram("f32");
    const samples: number[] = [];
    for (let round = 0; round <= repeat; round++) {
      const begin = performance.now();
      await once(work, turns);
      const milliseconds = performance.now() - begin;
      samples.push(unit === "ms" ? milliseconds : ((2 / 3) * size ** 3) / milliseconds / 1e6);
    }
    return samples.slice(1);
  };
  return { test, unit, measure };
}
