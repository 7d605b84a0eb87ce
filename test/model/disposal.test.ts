/** Owners of the engine's memory: what they refuse, and that nothing stays behind where they fail, are disposed of or forgotten. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { MemoryError, UsageError } from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import { quantizeModel } from "../../src/compress/quantize/quantize-model.ts";
import { WindowBatch } from "../../src/compress/windows/window-batch.ts";
import { perplexity } from "../../src/eval/perplexity/perplexity.ts";
import { ModelLikelihood } from "../../src/eval/scoring/model-likelihood.ts";
import { TokenScorer } from "../../src/eval/scoring/token-scorer.ts";
import type { LanguageModel } from "../../src/index.ts";
import type { Session } from "../../src/model/pass/session.ts";
import { TreeSession } from "../../src/model/pass/tree-session.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import type { Region } from "../../src/wasm/memory/region.ts";
import { openTinyModel, tinyIds, tinySettings } from "../helpers/tiny-model.ts";

const IDS = tinyIds(200, 9);
const WINDOWS = [IDS.slice(0, 30), IDS.slice(30, 60)];

let model: LanguageModel;
beforeAll(async () => {
  model = await openTinyModel({ threads: 1 });
});
afterAll(() => model[Symbol.asyncDispose]());

/** Turns whose first pause is due at once: a call that fits in one slice would be done when it returns. */
const pausing = () => new Turns(undefined, undefined, { last: Number.NEGATIVE_INFINITY });

/** Logits after all of `ids`. */
async function run(session: Session, ids: readonly number[]): Promise<Float32Array> {
  let found = new Float32Array();
  await session.evaluate(ids, pausing(), {
    onLogits: ({ ptr }) => {
      found = model.machine.arena.f32(ptr, model.config.vocabSize).slice();
    },
  });
  return found;
}

const request = (context: string, continuation: string) => ({ context, continuation });

describe("calls at once", () => {
  it("on a session go on one after the other", async () => {
    using alone = model.session();
    const expected = [await run(alone, IDS.slice(0, 70)), await run(alone, IDS.slice(70, 75))];
    using session = model.session();
    const found = await Promise.all([run(session, IDS.slice(0, 70)), run(session, IDS.slice(70, 75))]);
    expect(found).toEqual(expected);
    expect(session.position).toBe(75);
  });

  it("on a likelihood and a scorer wait for each other", async () => {
    using likelihood = new ModelLikelihood(model);
    const sets = [
      [request("The dog", " ran"), request("The dog", " sat down")],
      [request("A long text about many things. ".repeat(9), "Yes")],
      [request("", "The dog")],
    ];
    const expected = [];
    for (const set of sets) expected.push(await likelihood.logLikelihoods(set));
    const found = await Promise.all([
      ...sets.map((set) => likelihood.logLikelihoods(set)),
      likelihood.rollingLogLikelihoods(["The dog ran", "and sat down"]),
    ]);
    expect(found.slice(0, 3)).toEqual(expected);
    expect(found[3]).toEqual(await likelihood.rollingLogLikelihoods(["The dog ran", "and sat down"]));
  });

  it("refuse to cut a session's cache under a running call", async () => {
    using session = model.session();
    const running = run(session, IDS);
    expect(() => session.truncate(3)).toThrow("session: found a running call of evaluate");
    await running;
    session.truncate(3);
    expect(session.position).toBe(3);
  });
});

describe("options out of range", () => {
  it.each([0, 1.5, -1, Number.NaN, "8"])("batch: %s", (batch) => {
    const options = { batch: batch as number };
    const expected = `batch: found ${batch}, expected an integer from 1`;
    expect(() => model.session(options)).toThrow(expected);
    expect(() => new TreeSession(model, options)).toThrow(expected);
    expect(() => new ModelLikelihood(model, options)).toThrow(expected);
  });

  it.each([-40, 0.5, Number.NaN, undefined])("truncate(%s)", (length) => {
    using session = model.session({ context: 8 });
    expect(() => session.truncate(length as number)).toThrow(UsageError);
  });

  it.each([null, undefined, 5, "abc", {}])("ids: %s", async (ids) => {
    using session = model.session({ context: 8 });
    const evaluating = session.evaluate(ids as unknown as number[], new Turns());
    await expect(evaluating).rejects.toThrow(/^ids: found .*, expected an array of token ids/);
    expect(() => model.session({ logits: "first" as "last" })).toThrow("session logits: found first");
  });
});

describe("disposal", () => {
  it("of a session ends the call that runs and those that wait, and frees memory when it has stopped", async () => {
    const { arena } = model.machine;
    const { used } = arena;
    const session = model.session({ batch: 2 });
    const calls = Promise.allSettled([run(session, IDS.slice(0, 150)), run(session, IDS.slice(0, 10))]);
    await undefined;
    session[Symbol.dispose]();
    expect(arena.used).toBeGreaterThan(used);
    for (const end of await calls) {
      const { reason } = end as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(UsageError);
      expect(reason.message).toBe("session: found a call after disposal, expected a live session");
    }
    expect(arena.used).toBe(used);
    await expect(run(session, [1])).rejects.toThrow("session: found a call after disposal");
    expect(() => session.truncate(0)).toThrow("session: found a call after disposal");
    session[Symbol.dispose]();
    expect(arena.used).toBe(used);
  });

  it("of a likelihood, a scorer, a tree session and a batch of windows does the same", async () => {
    const { arena } = model.machine;
    const { used } = arena;
    const turns = new Turns();
    const likelihood = new ModelLikelihood(model, { batch: 2 });
    const scorer = new TokenScorer(model, { batch: 2 });
    const tree = new TreeSession(model, { batch: 2 });
    const batch = new WindowBatch(model, WINDOWS);
    const nodes = { ids: Int32Array.from(IDS), depths: Int32Array.from(IDS.keys()), wanted: new Uint8Array(200) };
    const sequences = [{ ids: IDS.slice(0, 20), targets: [3], first: 19 }];
    const calls = () => [
      likelihood.logLikelihoods([request("The dog ran to the tree and sat down.", " Then")]),
      likelihood.rollingLogLikelihoods(["The dog"]),
      tree.evaluate(nodes, turns, () => {}),
      batch.run(turns, () => {}),
      scorer.score(sequences, turns),
    ];
    const running = Promise.allSettled(calls());
    for (const owner of [likelihood, scorer, tree, batch]) owner[Symbol.dispose]();
    for (const end of [...(await running), ...(await Promise.allSettled(calls()))]) {
      const { status, reason } = end as PromiseRejectedResult;
      expect(status).toBe("rejected");
      expect(reason).toBeInstanceOf(UsageError);
      expect(reason.message).toContain("found a call after disposal");
    }
    expect(arena.used).toBe(used);
  });

  it.each([1, 2])(
    "of a model on %i threads ends its jobs, and the next machine has the memory to itself",
    async (threads) => {
      const doomed = await openTinyModel({ threads });
      const inner = doomed;
      const { arena, memory } = inner.machine;
      const session = inner.session();
      const pieces = doomed.generate("The dog", { maxTokens: 40, ignoreEos: true });
      await pieces.next();
      const running = [
        perplexity(inner, IDS, { window: 20 }),
        quantizeModel(inner, tinySettings(inner), { windows: WINDOWS }),
        session.evaluate(IDS, pausing()),
      ];
      const outcomes = Promise.allSettled(running);
      for (let wait = 0; wait < 4; wait++) await undefined;
      await doomed[Symbol.asyncDispose]();
      await using next = await createMachine({ threads });
      expect(next.memory).toBe(memory);
      const bytes = new Uint8Array(memory.buffer, 1 << 20).fill(7);
      for (const end of [...(await outcomes), ...(await Promise.allSettled([pieces.next(), doomed.logits([1])]))]) {
        expect(end.status).toBe("rejected");
        expect((end as PromiseRejectedResult).reason).toBeInstanceOf(UsageError);
      }
      session[Symbol.dispose]();
      await doomed[Symbol.asyncDispose]();
      expect(bytes.every((byte) => byte === 7)).toBe(true);
      for (const access of [() => arena.f32(0, 1), () => arena.region(), () => arena.reserve(4), () => inner.session()])
        expect(access).toThrow("engine: found a call after disposal, expected a live engine");
    },
  );
});

describe("memory that does not suffice", () => {
  it("leaves nothing claimed, so that less fits afterwards", async () => {
    const { arena } = model.machine;
    const { used } = arena;
    using room = arena.region();
    using limit = limitGrowth(model.machine.memory);
    fillBut(300_000, room);
    const full = arena.used;
    const windows = Array.from({ length: 60 }, () => IDS);
    const big = [
      async () => model.session({ batch: 512 }),
      async () => new TreeSession(model, { batch: 2048 }),
      async () => new WindowBatch(model, windows),
      async () => {
        using scorer = new TokenScorer(model, { batch: 2048 });
        await scorer.score([{ ids: IDS, targets: [1], first: 199 }], new Turns());
      },
      async () => quantizeModel(model, tinySettings(model), { windows }),
    ];
    for (const attempt of big) {
      await expect(attempt()).rejects.toBeInstanceOf(MemoryError);
      expect(arena.used).toBe(full);
    }
    using small = model.session({ context: 2, batch: 1 });
    limit[Symbol.dispose]();
    room[Symbol.dispose]();
    small[Symbol.dispose]();
    expect(arena.used).toBe(used);
  });

  /** Allocates all of a memory that does not grow, but for a block of so many bytes. */
  function fillBut(bytes: number, room: Region): void {
    const kept = room.alloc(bytes);
    for (let size = 1 << 30; size >= 64; size /= 2)
      try {
        for (;;) room.alloc(size);
      } catch (error) {
        expect(error).toBeInstanceOf(MemoryError);
      }
    room.free(kept);
  }

  /** From here on the memory does not grow, as where the system has none left. */
  function limitGrowth(memory: WebAssembly.Memory): Disposable {
    memory.grow = () => {
      throw new RangeError("no memory");
    };
    return { [Symbol.dispose]: () => void Reflect.deleteProperty(memory, "grow") };
  }
});

describe("what is forgotten", () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;

  it("frees its memory when it is collected: 50 generations that nobody ended, and sessions", async () => {
    const { arena } = model.machine;
    const { used } = arena;
    async function abandon(): Promise<void> {
      for (let at = 0; at < 50; at++)
        await model.generate("The dog", { maxTokens: 9, seed: at, ignoreEos: true }).next();
      for (let at = 0; at < 5; at++) model.session();
    }
    await abandon();
    expect(arena.used).toBeGreaterThan(used);
    for (let round = 0; round < 50 && arena.used > used; round++) {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(arena.used).toBe(used);
  });

  it("is nothing where no piece was asked for", () => {
    const { used } = model.machine.arena;
    for (let at = 0; at < 50; at++) model.generate("The dog", {});
    expect(model.machine.arena.used).toBe(used);
  });
});
