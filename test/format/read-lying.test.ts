import { describe, expect, it } from "vitest";
import { bytesSource } from "../../src/files/source.ts";
import { readLying } from "../../src/format/read-lying.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

const BYTES = Uint8Array.from({ length: 9 << 20 }, (_, i) => (i * 2654435761) >>> 24);

describe.each([1, 2])("readLying with %d threads", (threads) => {
  it("fills the memory with the bytes, also where it grows in the meantime", async () => {
    await using machine = await createMachine({ threads });
    const { arena } = machine;
    using region = arena.region();
    const inner = bytesSource("m", BYTES);
    const source: typeof inner = {
      ...inner,
      async read(offset, into) {
        region.alloc(40 << 20);
        await inner.read(offset, into);
      },
    };
    const tensor = { name: "t", dtype: "panels", shape: [1], offset: 64, byteLength: BYTES.length - 64, source };
    const length = (17 << 19) + 64;
    const address = region.alloc(length);
    await readLying(arena, { tensor, start: 64, length }, address);
    expect(Buffer.from(arena.u8(address, length)).equals(BYTES.subarray(128, 128 + length))).toBe(true);
  });
});

describe("rooms of readLying", () => {
  /** A machine of one thread, whose memory may move, and a source that keeps the views it is given. */
  async function setUp(fault?: Error) {
    const machine = await createMachine({ threads: 1 });
    const region = machine.arena.region();
    const given: Uint8Array[] = [];
    const inner = bytesSource("m", BYTES);
    const source: typeof inner = {
      ...inner,
      async read(offset, into) {
        given.push(into);
        if (fault !== undefined && given.length === 1) throw fault;
        await inner.read(offset, into);
      },
    };
    const tensor = { name: "t", dtype: "panels", shape: [1], offset: 0, byteLength: BYTES.length, source };
    const address = region.alloc(BYTES.length);
    const read = (start: number, length: number, at = address) =>
      readLying(machine.arena, { tensor, start, length }, at);
    const holds = (start: number, length: number, at = address) =>
      Buffer.from(machine.arena.u8(at, length)).equals(BYTES.subarray(start, start + length));
    return { machine, given, address, read, holds };
  }

  it("serve one read after the other", async () => {
    const { machine, given, read, holds } = await setUp();
    await using _ = machine;
    await read(64, 2 << 20);
    await read(128, 3 << 20);
    expect(holds(128, 3 << 20)).toBe(true);
    expect(given).toHaveLength(2);
    expect(given[1].buffer).toBe(given[0].buffer);
  });

  it("are not shared by reads at the same time", async () => {
    const { machine, given, address, read, holds } = await setUp();
    await using _ = machine;
    const other = address + (4 << 20);
    await Promise.all([read(64, 2 << 20), read(5 << 20, 2 << 20, other)]);
    expect(given[1].buffer).not.toBe(given[0].buffer);
    expect([holds(64, 2 << 20), holds(5 << 20, 2 << 20, other)]).toEqual([true, true]);
  });

  it("are left to a read that failed", async () => {
    const { machine, given, read } = await setUp(new Error("no disk"));
    await using _ = machine;
    await expect(read(0, 3 << 20)).rejects.toThrow("no disk");
    await read(0, 3 << 20);
    expect(given[1].buffer).not.toBe(given[0].buffer);
  });

  it("are not made for short reads", async () => {
    const { machine, given, read, holds } = await setUp();
    await using _ = machine;
    await read(64, 1000);
    expect(given[0].buffer.byteLength).toBe(1000);
    expect(holds(64, 1000)).toBe(true);
  });
});
