/** What a session promises: batches, truncation and interruption change no bit; what does not fit is refused. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import type { LanguageModel } from "../../../src/index.ts";
import type { Session, SessionOptions } from "../../../src/model/pass/session.ts";
import { openTinyModel, tinyIds } from "../../helpers/tiny-model.ts";

const IDS = tinyIds(90, 21);
const turns = new Turns();

describe.each([1, 2])("Session on %i threads", (threads) => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await openTinyModel({ threads });
    model.session()[Symbol.dispose](); // the RoPE table, which stays
  });
  afterAll(() => model[Symbol.asyncDispose]());

  /** All logits that a call delivers, row by row. */
  async function rowsOf(session: Session, ids: readonly number[]): Promise<Float32Array[]> {
    const found: Float32Array[] = [];
    const { vocabSize } = model.config;
    await session.evaluate(ids, turns, {
      onLogits: ({ ptr, ld, rows, first }) => {
        for (let row = 0; row < rows; row++)
          found[first + row] = model.machine.arena.f32(ptr + 4 * ld * row, vocabSize).slice();
      },
    });
    return found;
  }

  async function all(options: SessionOptions): Promise<Float32Array[]> {
    using session = model.session({ ...options, logits: "all" });
    return await rowsOf(session, IDS);
  }

  it("gives the same logits in batches of any size, and token by token", async () => {
    const whole = await all({ batch: 90 });
    expect(whole).toHaveLength(90);
    for (const batch of [1, 7, 64, 500]) expect(await all({ batch })).toEqual(whole);
    using session = model.session();
    for (const [at, id] of IDS.entries()) expect(await rowsOf(session, [id])).toEqual([whole[at]]);
    expect(session.position).toBe(90);
  });

  it("delivers the last row alone, or none", async () => {
    const whole = await all({ batch: 30 });
    using last = model.session({ batch: 30 });
    expect(Object.entries(await rowsOf(last, IDS))).toEqual([["89", whole[89]]]);
    using none = model.session({ batch: 30, logits: "none" });
    expect(await rowsOf(none, IDS)).toEqual([]);
  });

  it("forgets what is cut off, and nothing before it", async () => {
    const whole = await all({ batch: 16 });
    using session = model.session({ batch: 16, logits: "all" });
    await session.evaluate(IDS.slice(0, 50), turns);
    await session.evaluate(tinyIds(20, 5), turns);
    session.truncate(50);
    session.truncate(1000); // longer than what is there
    expect(session.position).toBe(50);
    expect(await rowsOf(session, IDS.slice(50))).toEqual(whole.slice(50));
    session.truncate(0);
    expect(await rowsOf(session, IDS)).toEqual(whole);
  });

  it("refuses what the context does not hold, and goes on with what it does", async () => {
    const whole = await all({ batch: 90 });
    using session = model.session({ context: 60, logits: "all" });
    const first = await rowsOf(session, IDS.slice(0, 55));
    await expect(session.evaluate(IDS.slice(55, 61), turns)).rejects.toThrow(
      "context: found 61 tokens, expected at most 60",
    );
    expect(session.position).toBe(55);
    expect([...first, ...(await rowsOf(session, IDS.slice(55, 60)))]).toEqual(whole.slice(0, 60));
  });

  it("tells the tokens done after each batch", async () => {
    using session = model.session({ batch: 40 });
    const told: number[] = [];
    await session.evaluate(IDS, turns, { onTokens: (done) => told.push(done) });
    expect(told).toEqual([40, 80, 90]);
  });

  it("keeps whole batches when it is aborted, from which it goes on", async () => {
    const whole = await all({ batch: 90 });
    const controller = new AbortController();
    using session = model.session({ batch: 20, logits: "all" });
    const aborting = session.evaluate(IDS, new Turns(controller.signal), {
      onTokens: (done) => done === 40 && controller.abort(new Error("enough")),
    });
    await expect(aborting).rejects.toThrow("enough");
    expect(session.position).toBe(40);
    expect(await rowsOf(session, IDS.slice(40))).toEqual(whole.slice(40));
  });

  it("gives back its memory with the tapes that it has kept, however many sizes of batches it met", async () => {
    const { used } = model.machine.arena;
    const session = model.session({ batch: 16 });
    for (const count of [1, 2, 3, 4, 5, 6, 1, 2]) await session.evaluate(IDS.slice(0, count), turns);
    expect(model.machine.arena.used).toBeGreaterThan(used);
    session[Symbol.dispose]();
    expect(model.machine.arena.used).toBe(used);
  });
});
