/** Records each call of a pass on a tape of its own, so that every call can be timed, with the linears that it may compute. */
import type { Tap } from "../../model/pass/record/pass.ts";
import type { KernelName } from "../../wasm/generated/kernels.ts";
import type { Machine } from "../../wasm/machine.ts";
import { Tape } from "../../wasm/tape.ts";

/** One recorded call. */
export interface SplitCall {
  readonly kernel: KernelName;
  readonly tape: Tape;
  /** Multiply-adds as the recorder estimates them. */
  readonly work: number;
  /** What was recorded when the call was: the tap before it. Undefined for the embedding. */
  readonly tap: Tap | undefined;
}

/** A tape that is never played itself. */
const SILENT = { threads: 1, words: () => new Int32Array(0), opcode: () => 0, play: () => {} };

export class SplitTape extends Tape {
  readonly calls: SplitCall[] = [];
  readonly #machine: Machine;
  #tap: Tap | undefined;

  constructor(machine: Machine) {
    super(SILENT);
    this.#machine = machine;
  }

  /** Calls recorded from now on come after this tap. */
  enter(tap: Tap): void {
    this.#tap = tap;
  }

  override call(kernel: KernelName, units: number, work: number, ...args: readonly number[]): void {
    const tape = this.#machine.tape();
    tape.call(kernel, units, work, ...args);
    this.calls.push({ kernel, tape, work: work * units, tap: this.#tap });
  }

  /** Alone on its tape, a call has nothing that it could run beside. */
  override beside(kernel: KernelName, units: number, work: number, ...args: readonly number[]): void {
    this.call(kernel, units, work, ...args);
  }
}
