/** A token that is decoded makes no typed array and no tape: everything it needs is there since the first one. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Turns } from "../../src/base/turns.ts";
import { loadModel } from "../../src/index.ts";
import { Machine } from "../../src/wasm/machine.ts";
import { tinyIds } from "../helpers/tiny-model.ts";

const TOKENS = 200;
const KINDS = ["Int8Array", "Uint8Array", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"] as const;
const ALL = [...KINDS, "Float32Array", "Float64Array", "ArrayBuffer", "DataView"] as const;
const DERIVING = ["subarray", "slice", "map", "filter", "toSorted", "toReversed", "with"] as const;

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** Counts, from here on, what makes a typed array or a buffer, and who makes a tape. */
function countAllocations(): { readonly arrays: string[]; tapes: number } {
  const counted = { arrays: [] as string[], tapes: 0 };
  for (const name of ALL) {
    const original = globalThis[name];
    const construct = (target: typeof original, args: readonly unknown[]) => {
      counted.arrays.push(`${name} ${new Error().stack?.split("\n")[2]}`);
      return Reflect.construct(target, args);
    };
    vi.stubGlobal(name, new Proxy(original, { construct }));
  }
  const shared = Object.getPrototypeOf(Int8Array.prototype);
  for (const name of DERIVING) {
    const original = shared[name] as (...args: unknown[]) => unknown;
    vi.spyOn(shared, name).mockImplementation(function (this: unknown, ...args: unknown[]) {
      counted.arrays.push(name);
      return original.apply(this, args);
    });
  }
  const { tape } = Machine.prototype;
  vi.spyOn(Machine.prototype, "tape").mockImplementation(function (this: Machine) {
    counted.tapes++;
    return tape.call(this);
  });
  return counted;
}

describe.each([1, 2])("decoding on %i threads", (threads) => {
  it.each([
    { temperature: 0 },
    { temperature: 0.8 },
    { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.02, repetitionPenalty: 1.1 },
  ])("allocates nothing with %o", async (sampling) => {
    await using model = await loadModel("models/fable-mixtral", { threads });
    const ids = tinyIds(30, 2).map((id) => id % model.config.vocabSize);
    const pieces = model.generate({ ids }, { ...sampling, maxTokens: TOKENS + 20, seed: 3, ignoreEos: true });
    for (let warm = 0; warm < 10; warm++) await pieces.next();
    // Each id's bytes are looked up once in a tokenizer's life.
    const tokenizer = await model.tokenizer();
    for (let id = 0; id < model.config.vocabSize; id++) tokenizer.bytesOf(id);
    const counted = countAllocations();
    for (let token = 0; token < TOKENS; token++) expect((await pieces.next()).done).toBe(false);
    const found = { ...counted };
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    expect(found).toEqual({ arrays: [], tapes: 0 });
  });

  it("sees what is allocated", async () => {
    await using model = await loadModel("models/fable-mixtral", { threads });
    const counted = countAllocations();
    using session = model.session({ context: 8 });
    await session.evaluate([1], new Turns());
    model.machine.arena.f32(1024, 8).slice(1);
    expect(counted.tapes).toBe(1);
    expect(counted.arrays.length).toBeGreaterThan(2);
  });
});
