import { describe, expect, it } from "vitest";
import { ropeTable } from "../../src/nn/rope-table.ts";
import { RopeTables } from "../../src/nn/rope-tables.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

const SHAPE = { rotaryDim: 8, theta: 10_000, scaling: { type: "none" } } as const;
/** Bytes of a table of so many positions. */
const bytesOf = (positions: number) => positions * SHAPE.rotaryDim * 4;

describe("RopeTables", () => {
  it("gives all users one table, and the values of ropeTable", async () => {
    await using machine = await createMachine();
    const { arena } = machine;
    const { used } = arena;
    const tables = new RopeTables(arena, SHAPE);
    expect(arena.used).toBe(used);
    const [one, other, short] = [tables.take(300), tables.take(512), tables.take(3)];
    expect([other.ptr, short.ptr]).toEqual([one.ptr, one.ptr]);
    expect(arena.used).toBe(used + bytesOf(512));
    expect(arena.f32(one.ptr, 512 * 8)).toEqual(ropeTable({ ...SHAPE, positions: 512 }));
    for (const lease of [one, other, short]) lease[Symbol.dispose]();
    expect(arena.used).toBe(used + bytesOf(512));
    expect(tables.take(400).ptr).toBe(one.ptr);
  });

  it("makes a longer one beside those that are used, which go with their last user", async () => {
    await using machine = await createMachine();
    const { arena } = machine;
    const { used } = arena;
    const tables = new RopeTables(arena, SHAPE);
    const [first, second] = [tables.take(256), tables.take(1)];
    const kept = arena.f32(first.ptr, 256 * 8).slice();
    const long = tables.take(257);
    expect(arena.used).toBe(used + bytesOf(256) + bytesOf(512));
    expect(arena.f32(first.ptr, 256 * 8)).toEqual(kept);
    expect(arena.f32(long.ptr, 256 * 8)).toEqual(kept);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(arena.used).toBe(used + bytesOf(256) + bytesOf(512));
    second[Symbol.dispose]();
    expect(arena.used).toBe(used + bytesOf(512));
    long[Symbol.dispose]();
    tables.take(513);
    expect(arena.used).toBe(used + bytesOf(768));
  });
});
