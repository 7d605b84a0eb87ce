/** Measures the ceilings of this machine through WebAssembly: reading memory, integer dot products, f32 multiply-adds. */
import type { Turns } from "../base/turns.ts";
import type { DotForm } from "../wasm/dot-form.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import { timedRate } from "./timing.ts";

/** Bytes read per second, and operations per second of each kind (a multiply-add is two operations). */
export const CEILINGS = ["read", "dotI8", "dotI16", "f32"] as const;
/** What limits a kernel: reading memory, or one kind of arithmetic. */
export type Ceiling = (typeof CEILINGS)[number];

/** Bytes or operations per second, in the fastest sample; of reading in one stream and in four, the faster. */
export type Ceilings = Readonly<Record<Ceiling, number>>;

/** What limits multiplying codes of these bits by int8 activations: codes of 8 bits are multiplied as bytes only where fours of products are added up. */
export function ceilingOfCodes(dots: DotForm, bits: number): Ceiling {
  return dots === "words" || (dots === "pairs" && bits === 8) ? "dotI16" : "dotI8";
}

/** Memory that a read passes over: more than caches hold. */
export const STREAM_BYTES: number = 256 << 20;
/** Bytes of a unit of `probe_read`, and those that it reads of each of its streams in turn. */
const READ_UNIT = 4096;
const READ_STEP = 32;
/** Units of the other probes that a call computes, which takes less than a millisecond. */
const UNITS = 100_000;

interface Probe {
  readonly work: number;
  /** Ways to do the work; the fastest counts. */
  readonly calls: readonly (() => void)[];
}

/** The probes on one machine. Dispose it to free their memory. */
export class CeilingProbes implements Disposable {
  readonly #probes: Readonly<Record<Ceiling, Probe>>;
  readonly #memory: Region;
  readonly #best: Record<Ceiling, number> = { read: 0, dotI8: 0, dotI16: 0, f32: 0 };

  /** @param streamBytes memory that a read passes over; a multiple of 4096. @throws MemoryError if it does not fit. */
  constructor(machine: Machine, streamBytes: number = STREAM_BYTES) {
    using taken = machine.arena.region();
    const stream = taken.alloc(streamBytes);
    machine.arena.u8(stream, streamBytes).fill(1);
    const data = taken.place(new Float32Array(32).fill(0.5));
    const compute = (kernel: "probe_dot_i8" | "probe_dot_i16" | "probe_mul_add", operations: number): Probe => {
      return { work: UNITS * operations, calls: [() => machine.call(kernel, UNITS, data)] };
    };
    const read = (apart: number, step: number) => () =>
      machine.call("probe_read", streamBytes / READ_UNIT, stream, apart, step);
    this.#probes = {
      // Which way is faster depends on the CPU's prefetching: one stream, or four as the kernels read panels.
      read: { work: streamBytes, calls: [read(READ_STEP, 4 * READ_STEP), read(streamBytes / 4, READ_STEP)] },
      dotI8: compute("probe_dot_i8", machine.build === "relaxed" ? 384 : 192),
      dotI16: compute("probe_dot_i16", 192),
      f32: compute("probe_mul_add", 128),
    };
    this.#memory = taken.move();
  }

  /** Takes one sample of each ceiling, some hundredths of a second in all. Benchmarks call it between their own samples. */
  async sample(turns: Turns): Promise<void> {
    for (const name of CEILINGS) {
      const { work, calls } = this.#probes[name];
      for (const call of calls) {
        this.#best[name] = Math.max(this.#best[name], timedRate(call, work));
        await turns.turn();
      }
    }
  }

  /** The best of the samples so far. */
  get best(): Ceilings {
    return { ...this.#best };
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
