/** The heap over the engine's memory and the regions that own its blocks. */
import { describe, expect, it } from "vitest";
import { MemoryError, UsageError } from "../../../src/base/errors.ts";
import { HEAP_BASE } from "../../../src/wasm/constants.ts";
import { Arena, type Growable, LIMIT_BYTES } from "../../../src/wasm/memory/arena.ts";
import { FreeList } from "../../../src/wasm/memory/free-list.ts";
import { mulberry32 } from "../../helpers/random.ts";

const PAGE = 65536;
const MIB = 1 << 20;

/** A memory of any size without its bytes, granted up to `most` pages at a time and `limit` in all. */
class Mock implements Growable {
  readonly grants: number[] = [];
  limit = Number.POSITIVE_INFINITY;
  #pages: number;

  constructor(bytes: number) {
    this.#pages = bytes / PAGE;
  }

  get buffer(): ArrayBufferLike {
    return { byteLength: this.#pages * PAGE } as ArrayBufferLike;
  }

  grow(pages: number): number {
    if ((this.#pages + pages) * PAGE > this.limit) throw new RangeError("no memory");
    this.grants.push(pages * PAGE);
    this.#pages += pages;
    return this.#pages - pages;
  }
}

describe("Arena", () => {
  it("hands out blocks that are aligned, apart, and counted", () => {
    const arena = new Arena(new Mock(MIB));
    using region = arena.region();
    const found = [1, 0, 64, 65, 100].map((bytes) => region.alloc(bytes));
    expect(found).toEqual([0, 64, 128, 192, 320].map((offset) => HEAP_BASE + offset));
    expect(arena.used).toBe(64 + 64 + 64 + 128 + 128);
    for (const bytes of [-1, Number.NaN]) expect(() => region.alloc(bytes)).toThrow(UsageError);
  });

  it("takes the first hole that fits, and joins neighbours whatever their order", () => {
    const arena = new Arena(new Mock(MIB));
    using region = arena.region();
    const [a, b, c, d] = [128, 128, 128, 128].map((bytes) => region.alloc(bytes));
    region.free(c);
    expect(region.alloc(192)).toBe(d + 128);
    region.free(a);
    expect(region.alloc(64)).toBe(a);
    region.free(a);
    region.free(b);
    expect(region.alloc(384)).toBe(a);
  });

  it("grows in steps of 16 MiB, by what is missing where the last block is free, by more where that is asked for", () => {
    const memory = new Mock(MIB);
    const arena = new Arena(memory);
    using region = arena.region();
    region.alloc(MIB);
    expect(memory.grants).toEqual([16 * MIB]);
    region.alloc(15 * MIB);
    expect(memory.grants).toEqual([16 * MIB]);
    // One page beyond what is missing, since the constants below the heap take a part of one.
    region.alloc(40 * MIB);
    expect(memory.grants).toEqual([16 * MIB, 39 * MIB + PAGE]);
    arena.reserve(100 * MIB);
    arena.reserve(50 * MIB);
    expect(memory.grants).toEqual([16 * MIB, 39 * MIB + PAGE, 100 * MIB]);
    region.alloc(100 * MIB);
    expect(memory.grants.length).toBe(3);
  });

  it("takes less than a step where the system grants no more", () => {
    const memory = new Mock(MIB);
    memory.limit = 3 * MIB;
    using region = new Arena(memory).region();
    region.alloc(2 * MIB);
    expect(memory.grants).toEqual([MIB + PAGE]);
  });

  it("refuses what the memory cannot hold, and then less fits all the same", () => {
    const memory = new Mock(MIB);
    memory.limit = 8 * MIB;
    const arena = new Arena(memory);
    using region = arena.region();
    const kept = region.alloc(MIB / 2);
    const { used } = arena;
    expect(() => region.alloc(20 * MIB)).toThrow(MemoryError);
    expect(() => region.alloc(LIMIT_BYTES + 1)).toThrow("engine memory: needs 4296 MB, the limit is 4295 MB");
    expect(() => arena.reserve(LIMIT_BYTES)).toThrow(MemoryError);
    expect(arena.used).toBe(used);
    expect(region.alloc(7 * MIB)).toBe(kept + MIB / 2);
    region[Symbol.dispose]();
    expect(arena.used).toBe(0);
    using all = arena.region();
    expect(all.alloc(8 * MIB - HEAP_BASE)).toBe(HEAP_BASE);
  });

  it("reaches 4 GiB and no further", () => {
    const arena = new Arena(new Mock(MIB));
    using region = arena.region();
    const most = LIMIT_BYTES - HEAP_BASE;
    expect(region.alloc(most)).toBe(HEAP_BASE);
    expect(() => region.alloc(1)).toThrow(MemoryError);
    region.free(HEAP_BASE);
    expect(region.alloc(most)).toBe(HEAP_BASE);
  });

  it("refuses calls after closing, and what was owned is given back to nobody", () => {
    const arena = new Arena(new Mock(MIB));
    const region = arena.region();
    region.alloc(64);
    arena.close();
    const closed = "engine: found a call after disposal, expected a live engine";
    for (const call of [() => arena.region(), () => region.alloc(64), () => arena.reserve(64), () => arena.u8(0, 1)])
      expect(call).toThrow(closed);
    region[Symbol.dispose]();
  });
});

describe("Region", () => {
  it("gives back all its blocks and no other's, in any order of owners", () => {
    const arena = new Arena(new Mock(MIB));
    const owners = [arena.region(), arena.region(), arena.region()];
    for (let round = 0; round < 10; round++) for (const [at, owner] of owners.entries()) owner.alloc(64 * (at + 1));
    expect(arena.used).toBe(640 * 6);
    owners[1][Symbol.dispose]();
    expect(arena.used).toBe(640 * 4);
    owners[1][Symbol.dispose]();
    expect(arena.used).toBe(640 * 4);
    owners[0][Symbol.dispose]();
    owners[2][Symbol.dispose]();
    expect(arena.used).toBe(0);
    using all = arena.region();
    expect(all.alloc(MIB - HEAP_BASE)).toBe(HEAP_BASE);
  });

  it("refuses calls after disposal, and addresses that are not its own", () => {
    const arena = new Arena(new Mock(MIB));
    const [one, other] = [arena.region(), arena.region()];
    const ptr = one.alloc(64);
    expect(() => other.free(ptr)).toThrow(`region: found address ${ptr}, expected the address of one of its blocks`);
    one.free(ptr);
    expect(() => one.free(ptr)).toThrow(UsageError);
    one[Symbol.dispose]();
    for (const call of [() => one.alloc(64), () => one.free(ptr), () => one.move()])
      expect(call).toThrow("region of memory: found a call after disposal");
  });

  it("moves its blocks to the next owner, and has none where the building fails half-way", () => {
    const arena = new Arena(new Mock(MIB));
    const build = (fails: boolean) => {
      using taken = arena.region();
      taken.alloc(64);
      if (fails) throw new Error("half-way");
      taken.alloc(64);
      return taken.move();
    };
    expect(() => build(true)).toThrow("half-way");
    expect(arena.used).toBe(0);
    const built = build(false);
    expect(arena.used).toBe(128);
    built.alloc(64);
    built[Symbol.dispose]();
    expect(arena.used).toBe(0);
  });

  it("copies data to where it lies from then on", () => {
    using region = new Arena(new WebAssembly.Memory({ initial: 1 })).region();
    const memory = new WebAssembly.Memory({ initial: 1 });
    const arena = new Arena(memory);
    using owner = arena.region();
    const ptr = owner.place(Float32Array.of(1, 2, 3).subarray(1));
    expect([...arena.f32(ptr, 2)]).toEqual([2, 3]);
    expect(() => region.free(ptr)).toThrow(UsageError);
  });
});

describe("any sequence of allocations", () => {
  it.each([1, 2, 3, 4, 5])("keeps blocks apart and finds room wherever a naive heap does (seed %i)", (seed) => {
    const random = mulberry32(seed);
    const bytes = MIB;
    const memory = new Mock(bytes);
    memory.limit = bytes; // never grows
    const arena = new Arena(memory);
    const lines = new Uint8Array(bytes / 64).fill(1, 0, HEAP_BASE / 64);
    const owners = Array.from({ length: 6 }, () => ({ region: arena.region(), blocks: new Map<number, number>() }));
    /** The lowest address with so many free lines. */
    const naive = (count: number) => {
      for (let start = 0, run = 0; start < lines.length; start++) {
        run = lines[start] === 0 ? run + 1 : 0;
        if (run === count) return (start + 1 - count) * 64;
      }
      return undefined;
    };
    const release = (blocks: Map<number, number>, ptr: number) => {
      lines.fill(0, ptr / 64, ptr / 64 + (blocks.get(ptr) as number));
      blocks.delete(ptr);
    };
    for (let step = 0; step < 4000; step++) {
      const owner = owners[Math.floor(random() * owners.length)];
      const kind = random();
      if (kind < 0.6) {
        const asked = Math.ceil(random() ** 6 * 100_000);
        const count = Math.ceil(asked / 64);
        const expected = naive(count);
        if (expected === undefined) expect(() => owner.region.alloc(asked)).toThrow(MemoryError);
        else {
          expect(owner.region.alloc(asked)).toBe(expected);
          lines.fill(1, expected / 64, expected / 64 + count);
          owner.blocks.set(expected, count);
        }
      } else if (kind < 0.98) {
        const [ptr] = owner.blocks.keys();
        if (ptr === undefined) continue;
        owner.region.free(ptr);
        release(owner.blocks, ptr);
      } else if (kind < 0.99) owner.region = owner.region.move();
      else {
        owner.region[Symbol.dispose]();
        for (const ptr of [...owner.blocks.keys()]) release(owner.blocks, ptr);
        owner.region = arena.region();
      }
    }
    const counted = owners.flatMap(({ blocks }) => [...blocks.values()]).reduce((sum, count) => sum + count, 0);
    expect(arena.used).toBe(64 * counted);
    for (const { region } of owners) region[Symbol.dispose]();
    using all = arena.region();
    expect(all.alloc(bytes - HEAP_BASE)).toBe(HEAP_BASE);
  });
});

describe("FreeList", () => {
  it("refuses what is free already", () => {
    const list = new FreeList();
    list.give(64, 128);
    for (const [start, bytes] of [
      [64, 64],
      [128, 128],
      [0, 65],
    ])
      expect(() => list.give(start, bytes)).toThrow(RangeError);
    list.give(0, 64);
    list.give(256, 64);
    expect(list.length).toBe(2);
    expect([list.sizeBefore(320), list.sizeBefore(192), list.sizeBefore(256)]).toEqual([64, 0, 0]);
    list.give(192, 64);
    expect([list.length, list.sizeBefore(320)]).toEqual([1, 320]);
  });
});
