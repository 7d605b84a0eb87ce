import { describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import { ProfiledPass } from "../../../src/bench/profile/profiled-pass.ts";
import { openTinyModel, tinyIds } from "../../helpers/tiny-model.ts";

describe.each([1, 2])("ProfiledPass on %i threads", (threads) => {
  it("gives the session's logits, and a time for each call", async () => {
    await using model = await openTinyModel({ threads, activations: "int8" });
    using session = model.session({ context: 64 });
    const ids = tinyIds(30, 3);
    let expected = new Float32Array(0);
    await session.evaluate(ids, new Turns(), {
      onLogits: ({ ptr }) => {
        expected = model.machine.arena.f32(ptr, model.config.vocabSize).slice();
      },
    });
    const logits = () => model.machine.arena.f32(session.state.logits, model.config.vocabSize);
    logits().fill(0);
    const pass = new ProfiledPass(session, { tokens: ids.length, visible: 15, hasHead: true });
    pass.place(ids, 0, 0);
    expect(pass.play(0)).toHaveLength(pass.calls.length);
    expect(logits()).toEqual(expected);
  });
});
