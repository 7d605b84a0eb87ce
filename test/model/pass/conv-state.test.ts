/** The state of convolutions: sessions keep only the latest, and results do not depend on how a sequence is cut. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import type { Model } from "../../../src/model/model.ts";
import type { Session } from "../../../src/model/pass/session.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { allLogits, firstDifference, openModel } from "../cases.ts";

const turns = new Turns();

function randomIds(count: number): number[] {
  const random = mulberry32(3);
  return Array.from({ length: count }, () => Math.floor(random() * 112));
}

describe("a model with convolutions", () => {
  let model: Model;
  const ids = randomIds(250);
  beforeAll(async () => {
    model = await openModel(repositoryFile("test/fixtures/families/lfm2_moe-bf16"));
  });
  afterAll(() => model[Symbol.asyncDispose]());

  /** Logits of the last of `more` ids after those of the session. */
  async function lastRow(session: Session, more: readonly number[]): Promise<Float32Array> {
    let row = new Float32Array();
    await session.evaluate(more, turns, {
      onLogits: ({ ptr }) => {
        row = model.machine.arena.f32(ptr, model.config.vocabSize).slice();
      },
    });
    return row;
  }

  it("gives the same bits when the places of its state are used again and again", async () => {
    const whole = await allLogits(model, ids);
    for (const batch of [1, 7, 8]) expect(firstDifference(await allLogits(model, ids, { batch }), whole)).toBe(-1);
    using session = model.session({ batch: 8 });
    expect(session.state.convRows).toBeLessThan(ids.length);
  });

  it("is cut by a few tokens without another result, and to nothing where the state is lost", async () => {
    const { vocabSize } = model.config;
    const whole = await allLogits(model, ids);
    const last = whole.subarray(-vocabSize);
    using session = model.session({ batch: 8 });
    await session.evaluate(ids, turns);
    session.truncate(100);
    expect(session.position).toBe(100);
    expect(firstDifference(await lastRow(session, ids.slice(100)), last)).toBe(-1);
    // The state before token 5 has been overwritten.
    session.truncate(5);
    expect(session.position).toBe(0);
    expect(firstDifference(await lastRow(session, ids), last)).toBe(-1);
    // Cut by less at a time, but by too much in all.
    session.truncate(60);
    await session.evaluate([7, 8, 9], turns);
    session.truncate(40);
    expect([0, 40]).toContain(session.position);
    expect(firstDifference(await lastRow(session, ids.slice(session.position)), last)).toBe(-1);
  });

  it("needs a cache whose size hardly depends on the context", () => {
    expect(model.config.mixers.filter((mixer) => mixer === "conv")).toHaveLength(3);
    const bytes = (context: number) => {
      const before = model.machine.arena.used;
      using _ = model.session({ context, batch: 8 });
      return model.machine.arena.used - before;
    };
    // Only the two layers of attention grow: keys and values of 2 heads x 12 columns, f32, besides 4 words of places for each token.
    const perToken = (bytes(256) - bytes(224)) / 32;
    expect(perToken).toBeLessThanOrEqual(2 * 2 * 2 * 12 * 4 + 64);
  });
});
