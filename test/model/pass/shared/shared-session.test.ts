/** What a shared session promises: the logits of a sequence are those that it has alone, whatever shares its passes, bit for bit. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../../src/base/turns.ts";
import { type LanguageModel, loadModel } from "../../../../src/index.ts";
import type { SharedSequence } from "../../../../src/model/pass/shared/shared-sequence.ts";
import { SharedSession } from "../../../../src/model/pass/shared/shared-session.ts";
import { mulberry32 } from "../../../helpers/random.ts";
import { repositoryFile } from "../../../helpers/shared.ts";
import { openTinyModel, tinyIds } from "../../../helpers/tiny-model.ts";

const turns = new Turns();
const pause = () => new Promise((resolve) => setImmediate(resolve));

function rowAt({ machine, config }: LanguageModel, ptr: number): Float32Array {
  return machine.arena.f32(ptr, config.vocabSize).slice();
}

/** Evaluates in parts of the given lengths and the rest, and keeps the logits that are wanted, by position. */
async function inParts(
  model: LanguageModel,
  sequence: SharedSequence,
  ids: readonly number[],
  parts = [0],
  from?: number,
) {
  const found = new Map<number, Float32Array>();
  let done = 0;
  for (const part of [...parts, ids.length]) {
    const some = ids.slice(done, done + part);
    if (some.length === 0) continue;
    await sequence.evaluate(some, { onLogits: ({ ptr, first }) => void found.set(first, rowAt(model, ptr)), from });
    done += some.length;
  }
  return found;
}

async function expectAlone(
  model: LanguageModel,
  ids: readonly number[],
  found: ReadonlyMap<number, Float32Array>,
): Promise<void> {
  using session = model.session({ logits: "all" });
  const expected: Float32Array[] = [];
  await session.evaluate(ids, turns, {
    onLogits: ({ ptr, ld, rows }) => {
      for (let row = 0; row < rows; row++) expected.push(rowAt(model, ptr + 4 * ld * row));
    },
  });
  expect(found.size).toBeGreaterThan(0);
  const isSame = (at: number, logits: Float32Array) => expected[at].every((value, id) => value === logits[id]);
  for (const [position, logits] of found) expect([position, isSame(position, logits)]).toEqual([position, true]);
}

/** Latent attention, attention with shared experts, convolutions, windows with sinks, and windows of all layers. */
const FAMILIES = ["deepseek_v2-groups-bf16", "deepseek-f16", "lfm2_moe-bf16", "gpt_oss-mxfp4", "mixtral-window-bf16"];

describe.each(FAMILIES)("a shared session of %s", (family) => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(repositoryFile(`test/fixtures/families/${family}`));
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it.each([
    ["room for all", { context: 96, rows: 4000, batch: 64 }],
    ["few pages, which sequences take from each other", { context: 96, rows: 160, batch: 24 }],
    ["passes of three tokens", { context: 96, rows: 320, batch: 3 }],
  ])("gives 40 sequences that come and go the logits that they have alone: %s", async (_, options) => {
    using session = new SharedSession(model, options);
    const random = mulberry32(5);
    const whole = (most: number) => Math.floor(random() * most);
    const stems = [tinyIds(40, 1), tinyIds(33, 2), []];
    const runs = Array.from({ length: 40 }, async (_each, index) => {
      const drawn = [...stems[whole(3)], ...tinyIds(1 + whole(40), index + 10)];
      const ids = drawn.map((id) => id % model.config.vocabSize);
      const parts = [whole(20), 1, 1, 1, whole(5)];
      const [from, wait] = [index % 4 === 0 ? 0 : undefined, whole(60)];
      for (let turn = 0; turn < wait; turn++) await pause();
      using sequence = session.sequence();
      await expectAlone(model, ids, await inParts(model, sequence, ids, parts, from));
    });
    await Promise.all(runs);
    await pause();
    expect(session.rows.used).toBe(0);
  });
});

describe("SharedSession", () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await openTinyModel();
    model.session()[Symbol.dispose](); // the RoPE table, which stays
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("computes a beginning once for sequences that come together, and for those that come later", async () => {
    using session = new SharedSession(model, { context: 96, batch: 32 });
    const stem = tinyIds(64, 3);
    const texts = Array.from({ length: 5 }, (_, index) => [...stem, ...tinyIds(4, index + 20)]);
    const sequences = texts.map(() => session.sequence());
    const found = await Promise.all(texts.map((ids, at) => inParts(model, sequences[at], ids)));
    for (const [at, ids] of texts.entries()) await expectAlone(model, ids, found[at]);
    expect(session.computedTokens).toBe(64 + 5 * 4);
    for (const sequence of sequences) sequence[Symbol.dispose]();
    using later = session.sequence();
    await expectAlone(model, texts[2], await inParts(model, later, texts[2]));
    expect(session.computedTokens).toBe(64 + 5 * 4 + 4);
  });

  it("refuses a call that waits when its sequence is disposed, and frees its rows", async () => {
    using session = new SharedSession(model, { context: 96, batch: 8 });
    const left = session.sequence();
    const waiting = left.evaluate(tinyIds(80, 1));
    await pause();
    left[Symbol.dispose]();
    await expect(waiting).rejects.toThrow("disposal");
    using other = session.sequence();
    const ids = tinyIds(20, 2);
    await expectAlone(model, ids, await inParts(model, other, ids, [3]));
    expect(session.rows.used).toBe(32);
    await expect(left.evaluate([1])).rejects.toThrow("disposal");
  });

  it("refuses ids out of range, more than the context, and a second call at once; the sequence goes on", async () => {
    using session = new SharedSession(model, { context: 32 });
    using sequence = session.sequence();
    await expect(sequence.evaluate([1, 100000])).rejects.toThrow("token id 1");
    await expect(sequence.evaluate(tinyIds(33, 1))).rejects.toThrow("context");
    await expect(sequence.evaluate([])).rejects.toThrow("at least one");
    const ids = tinyIds(20, 3);
    const first = inParts(model, sequence, ids);
    await expect(sequence.evaluate([1])).rejects.toThrow("running call");
    await expectAlone(model, ids, await first);
  });

  it("refuses all that wait when it is disposed, and frees its memory", async () => {
    const before = model.machine.arena.used;
    const session = new SharedSession(model, { context: 96, batch: 4 });
    const waiting = Promise.allSettled([1, 2, 3].map((seed) => session.sequence().evaluate(tinyIds(50, seed))));
    await pause();
    session[Symbol.dispose]();
    expect((await waiting).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    expect(() => session.sequence()).toThrow("disposal");
    for (let turn = 0; turn < 20; turn++) await pause();
    expect(model.machine.arena.used).toBe(before);
  });

  it("refuses a sequence whose callback throws, and no other", async () => {
    using session = new SharedSession(model, { context: 96 });
    using bad = session.sequence();
    using good = session.sequence();
    const ids = tinyIds(30, 4);
    const fail = () => {
      throw new RangeError("no more");
    };
    const both = await Promise.allSettled([bad.evaluate(ids, { onLogits: fail }), inParts(model, good, ids, [5])]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
  });
});
