/** How threads share calls: every unit once, in the order of the tape, whether helpers come or not. */
import { describe, expect, it } from "vitest";
import { createRandom } from "../../../src/base/random.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { Lead } from "../../../src/wasm/threads/lead.ts";
import { CONTROL, chunksOf, computeChunk, type Kernel } from "../../../src/wasm/threads/teamwork.ts";

/** The words of a call of kernel 0: `first` and `last` unit, units of a chunk at least, whether beside the call before. */
function callWords(first: number, last: number, grain: number, isBeside = false): number[] {
  return [0, first, last, 2 * grain + Number(isBeside), ...Array(12).fill(0)];
}

/** A desk whose kernel notes the units that it is asked for. */
function notingDesk(most: number): {
  readonly desk: ConstructorParameters<typeof Lead>[1];
  readonly ranges: number[][];
} {
  const ranges: number[][] = [];
  const kernel: Kernel = (first, last) => void ranges.push([first, last]);
  return { desk: { kernels: [kernel], scratch: 0, most }, ranges };
}

const newControl = () => new Int32Array(new SharedArrayBuffer(CONTROL.words * 4));

describe("chunks", () => {
  it("cover every unit of a group's calls once and in order, and are no smaller than the grain", () => {
    const random = createRandom(3);
    const below = (most: number) => random.integer(most);
    for (let round = 0; round < 300; round++) {
      const most = 2 + below(20);
      const calls = Array.from({ length: 1 + below(4) }, () => {
        const first = below(5);
        return { first, last: first + below(90), grain: 1 + below(30) };
      });
      const words = new Int32Array(calls.flatMap(({ first, last, grain }) => callWords(first, last, grain, true)));
      const { desk, ranges } = notingDesk(most);
      const counts = calls.map((_, call) => chunksOf(words, call * 16, most));
      const total = counts.reduce((sum, count) => sum + count);
      for (let index = 0; index < total; index++) computeChunk(words, 0, index, desk);
      for (const [call, { first, last, grain }] of calls.entries()) {
        const own = ranges.splice(0, counts[call]);
        expect(counts[call]).toBeLessThanOrEqual(most);
        expect(own.map(([from]) => from)).toEqual([first, ...own.map(([, to]) => to)].slice(0, own.length));
        expect(own.at(-1)?.[1] ?? first).toBe(last);
        for (const [from, to] of own.slice(0, -1)) expect(to - from).toBeGreaterThanOrEqual(grain);
      }
    }
  });
});

describe("a leader", () => {
  it("computes all calls in order where no helper comes, also when tickets wrap", () => {
    const words = new Int32Array([
      ...callWords(0, 10, 2),
      ...callWords(20, 23, 1, true),
      ...callWords(30, 31, 1),
      ...callWords(40, 40, 1),
      ...callWords(50, 58, 3),
    ]);
    const control = newControl();
    control[CONTROL.open] = control[CONTROL.next] = 0x7fffffff - 1;
    const { desk, ranges } = notingDesk(4);
    const lead = new Lead(control, desk, { mayWait: true, patience: 200 });
    expect(lead.play(words, 0, 5)).toBeUndefined();
    const found = ranges.flatMap(([first, last]) => Array.from({ length: last - first }, (_, i) => first + i));
    expect(found).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 21, 22, 30, 50, 51, 52, 53, 54, 55, 56, 57]);
    expect(control[CONTROL.next]).toBe(control[CONTROL.open]);
  });

  it("computes the other chunks of a call after one has failed, gives the first failure, and leaves out later calls", () => {
    const kernel: Kernel = (first) => {
      ranges.push([first]);
      if (first === 2 || first === 4) throw new RangeError(`unit ${first}`);
    };
    const { desk, ranges } = notingDesk(8);
    const lead = new Lead(newControl(), { ...desk, kernels: [kernel] }, { mayWait: true, patience: 200 });
    const words = new Int32Array([...callWords(0, 6, 1), ...callWords(6, 7, 1)]);
    expect(lead.play(words, 0, 2)).toEqual(new RangeError("unit 2"));
    expect(ranges.flat()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe("threads", () => {
  it.each([2, 3, 4, 7])("give the same sums on %i threads as one, awake and after sleeping", async (threads) => {
    await using machine = await createMachine({ threads });
    const [rows, width] = [200, 64];
    using memory = machine.arena.region();
    const y = memory.place(new Float32Array(rows * width));
    const x = memory.place(Float32Array.from({ length: rows * width }, (_, i) => i % 64));
    const z = memory.place(new Float32Array(rows * width));
    const tape = machine.tape();
    for (let call = 0; call < 500; call++) {
      // y += x and, beside it, z += x; then the next pair, whose grain differs.
      tape.call("add_f32", rows, 300 + 977 * (call % 9), y, width, x, width, width);
      tape.beside("add_f32", rows, 64, z, width, x, width, width);
    }
    tape.settle(memory);
    for (const pause of [0, 5, 0]) {
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause)); // helpers sleep after a fraction of it
      tape.run();
    }
    const expected = Float32Array.from({ length: rows * width }, (_, i) => 1500 * (i % 64));
    expect(machine.arena.f32(y, rows * width)).toEqual(expected);
    expect(machine.arena.f32(z, rows * width)).toEqual(expected);
  });

  it("report a trap on any of them, and go on afterwards", async () => {
    await using machine = await createMachine({ threads: 3 });
    using memory = machine.arena.region();
    const x = memory.place(new Float32Array(1000).fill(1));
    const far = machine.memory.buffer.byteLength - 64;
    for (let round = 0; round < 20; round++) expect(() => machine.call("add_f32", 1000, far, 4, far, 4, 4)).toThrow();
    machine.call("add_f32", 1000, x, 1, x, 1, 1);
    expect(machine.arena.f32(x, 1000)).toEqual(new Float32Array(1000).fill(2));
  });

  it("see memory that grows as soon as they have started", async () => {
    for (let round = 0; round < 5; round++) {
      await using machine = await createMachine({ threads: 4 });
      using memory = machine.arena.region();
      memory.alloc(machine.memory.buffer.byteLength + (8 << 20));
      const x = memory.place(new Float32Array(4000).fill(1));
      const tape = machine.tape();
      for (let call = 0; call < 50; call++) tape.call("add_f32", 1000, 1e6, x, 4, x, 4, 0);
      tape.call("add_f32", 1000, 1e6, x, 4, x, 4, 4);
      tape.settle(memory);
      tape.run();
      expect(machine.arena.f32(x, 4000)).toEqual(new Float32Array(4000).fill(2));
    }
  });
});
