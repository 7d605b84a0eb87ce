import { describe, expect, it } from "vitest";
import { bytesSource } from "../../src/files/source.ts";
import { readLying } from "../../src/format/read-lying.ts";
import { createMachine } from "../../src/wasm/embedded.ts";

const BYTES = Uint8Array.from({ length: 3 << 20 }, (_, i) => (i * 2654435761) >>> 24);

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
    const length = (5 << 19) + 64;
    const address = region.alloc(length);
    await readLying(arena, { tensor, start: 64, length }, address);
    expect(Buffer.from(arena.u8(address, length)).equals(BYTES.subarray(128, 128 + length))).toBe(true);
  });
});
