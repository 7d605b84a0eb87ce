/** What a cache of f16 promises: half of the memory, logits near those of f32, and the same bits however the tokens are computed. */
import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { loadModel } from "../../../src/index.ts";
import { TreeSession } from "../../../src/model/pass/tree-session.ts";
import { HAS_RELAXED } from "../../helpers/kernels.ts";
import { allLogits, FLOAT_CASES, firstDifference, openModel, readExpected } from "../cases.ts";

const CASES = FLOAT_CASES.filter((entry): entry is typeof entry & { path: string } => entry.path !== undefined);

describe.each(CASES)("sessions of $name with a cache of f16", ({ path }) => {
  const { ids } = readExpected(path);
  const open = (options: object = {}) =>
    openModel(path, { activations: "f32", kernels: "base", cache: "f16", ...options });

  it("have logits near those of f32, but not the same", async () => {
    await using half = await open();
    await using whole = await open({ cache: "f32" });
    const [found, expected] = [await allLogits(half, ids), await allLogits(whole, ids)];
    const size = Math.sqrt(expected.reduce((sum, value) => sum + value * value, 0) / expected.length);
    const error = Math.sqrt(found.reduce((sum, value, i) => sum + (value - expected[i]) ** 2, 0) / found.length);
    expect(error / size).toBeLessThan(5e-3);
    expect(error).toBeGreaterThan(0);
  });

  it("have the same bits for every batch, number of threads and build", async () => {
    await using alone = await open({ threads: 1 });
    const whole = await allLogits(alone, ids);
    for (const batch of [2, 7]) expect(firstDifference(await allLogits(alone, ids, { batch }), whole)).toBe(-1);
    await using two = await open({ threads: 2 });
    expect(firstDifference(await allLogits(two, ids), whole)).toBe(-1);
    if (!HAS_RELAXED) return;
    await using relaxed = await open({ kernels: "relaxed" });
    expect(firstDifference(await allLogits(relaxed, ids), whole)).toBe(-1);
  });

  it("continue after a cut, and in trees, as if computed anew", async () => {
    await using model = await open();
    const vocab = model.config.vocabSize;
    const last = (await allLogits(model, ids)).subarray(-vocab);
    const copy = ({ ptr }: { readonly ptr: number }) => model.machine.arena.f32(ptr, vocab).slice();
    using session = model.session({ context: ids.length + 8 });
    let found = new Float32Array();
    const onLogits = (logits: { readonly ptr: number }) => {
      found = copy(logits);
    };
    await session.evaluate([...ids.slice(0, -3), ids[0], ids[1], ids[2]], new Turns());
    session.truncate(ids.length - 3);
    await session.evaluate(ids.slice(session.position), new Turns(), { onLogits });
    expect(firstDifference(found, last)).toBe(-1);
    found = new Float32Array();
    using tree = new TreeSession(model, { context: ids.length });
    const depths = Int32Array.from(ids, (_, depth) => depth);
    const wanted = Uint8Array.from(ids, (_, depth) => (depth === ids.length - 1 ? 1 : 0));
    await tree.evaluate({ ids: Int32Array.from(ids), depths, wanted }, new Turns(), onLogits);
    expect(firstDifference(found, last)).toBe(-1);
  });
});

describe("a cache of f16", () => {
  const { path } = CASES[0];

  it("takes half of the memory", async () => {
    const bytes = async (cache: "f16" | "f32") => {
      await using model = await openModel(path, { cache });
      const { keys, values } = model.session({ context: 64 }).state.cache[0];
      return values - keys;
    };
    expect(await bytes("f32")).toBe(2 * (await bytes("f16")));
  });

  it("is asked for by that name only", async () => {
    const options = { cache: "bf16" as "f16" };
    await expect(loadModel(path, options)).rejects.toThrow(/cache: .*bf16.*f32 or f16/);
  });
});
