import { describe, expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

describe("Machine", () => {
  it.each([1, 2, 3])("plays dependent calls in order on %i threads", async (threads) => {
    await using machine = await createMachine({ threads });
    const rows = 37;
    const width = 5;
    using memory = machine.arena.region();
    const y = memory.place(new Float32Array(rows * width));
    const x = memory.place(new Float32Array(rows * width).fill(1));
    const tape = machine.tape();
    for (let i = 0; i < 20; i++) tape.call("add_f32", rows, 1e6, y, width, x, width, width);
    tape.call("add_f32", rows, 1e6, x, width, y, width, width);
    tape.run();
    expect([...machine.arena.f32(x, rows * width)]).toEqual(Array(rows * width).fill(21));
    await tape.runInTurns(new Turns());
    expect(machine.arena.f32(x, 1)[0]).toBe(20 + 20 * 21 + 21);
  });

  it("grows while helper threads live and they see the new memory", async () => {
    await using machine = await createMachine({ threads: 2 });
    using memory = machine.arena.region();
    const far = memory.alloc(64 << 20);
    const rows = 1000;
    const x = memory.alloc(rows * 16);
    machine.arena.f32(far, rows * 4).fill(1);
    machine.arena.f32(x, rows * 4).fill(2);
    machine.call("add_f32", rows, far, 4, x, 4, 4);
    expect([...machine.arena.f32(far, rows * 4)].every((value) => value === 3)).toBe(true);
  });

  it.each([1, 2, 3])(
    "plays tapes that lie in its memory as often as asked, whole or in slices, on %i threads",
    async (threads) => {
      await using machine = await createMachine({ threads });
      using memory = machine.arena.region();
      const [rows, width] = [37, 5];
      const y = memory.place(new Float32Array(rows * width));
      const x = memory.place(new Float32Array(rows * width).fill(1));
      const tape = machine.tape();
      // Of so much work that it is cut within calls and between them.
      for (const work of [1e6, 1e7, 1, 3e6]) tape.call("add_f32", rows, work, y, width, x, width, width);
      const ptr = tape.settle(memory);
      const words = machine.arena.i32(ptr, 64).slice();
      tape.run();
      memory.alloc(64 << 20); // the memory grows
      await tape.runInTurns(new Turns());
      tape.run();
      await tape.runInTurns(new Turns());
      expect([...machine.arena.f32(y, rows * width)]).toEqual(Array(rows * width).fill(16));
      expect(machine.arena.i32(ptr, 64)).toEqual(words);
      expect(() => tape.call("add_f32", rows, 1, y, width, x, width, width)).toThrow(RangeError);
    },
  );

  it("plays tapes that lie where the memory has just grown", async () => {
    await using machine = await createMachine({ threads: 2 });
    using memory = machine.arena.region();
    const x = memory.place(new Float32Array(16).fill(1));
    for (let round = 1; round <= 5; round++) {
      const tape = machine.tape();
      tape.call("add_f32", 1, 1e9, x, 16, x, 16, 16);
      memory.alloc(machine.memory.buffer.byteLength - machine.arena.used); // no room is left but new one
      tape.settle(memory);
      tape.run();
      expect(machine.arena.f32(x, 1)[0]).toBe(2 ** round);
    }
  });

  it("rejects impossible settings", async () => {
    await expect(createMachine({ threads: 0 })).rejects.toThrow("threads: found 0, expected an integer");
    await expect(createMachine({ kernels: "fast" as "base" })).rejects.toThrow("kernels: found fast");
  });

  it("refuses calls after disposal", async () => {
    const machine = await createMachine();
    await machine[Symbol.asyncDispose]();
    expect(() => machine.call("add_f32", 1, 2048, 4, 2048, 4, 4)).toThrow("after disposal");
  });
});

describe("Turns", () => {
  it("lets a timer abort long work", async () => {
    await using machine = await createMachine();
    const controller = new AbortController();
    using memory = machine.arena.region();
    const x = memory.alloc(1 << 20);
    const tape = machine.tape();
    for (let i = 0; i < 20000; i++) tape.call("add_f32", 256, 1e6, x, 64, x, 64, 64);
    setTimeout(() => controller.abort(new Error("enough")), 30);
    await expect(tape.runInTurns(new Turns(controller.signal))).rejects.toThrow("enough");
  });
});
