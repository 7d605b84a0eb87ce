import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { type ChatTemplate, type LanguageModel, loadModel } from "../../../src/index.ts";
import { collect } from "../../../src/runtime/generate.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { SIMPLE } from "./template.ts";

let model: LanguageModel;
let chatTemplate: ChatTemplate;
beforeAll(async () => {
  model = await loadModel(repositoryFile("models/fable-mixtral"));
  chatTemplate = await model.chatTemplate({ source: SIMPLE });
});
afterAll(() => model[Symbol.asyncDispose]());

describe("Conversation", () => {
  it("gives the answers that whole prompts give, and computes only what is new", async () => {
    const defaults = { maxTokens: 10, temperature: 0, chatTemplate };
    using conversation = model.conversation({ system: "Tell tales.", defaults });
    const first = await collect(conversation.say("Once upon a time"));
    expect(first.reusedTokens).toBe(0);
    const second = await collect(conversation.say("And then"));
    // All of the first prompt, and the answer but for its last token, which no pass has had.
    expect(second.reusedTokens).toBeGreaterThanOrEqual(first.promptTokens);
    const alone = await collect(model.chat(second.messages.slice(0, -1), defaults));
    expect([second.ids, second.text, second.promptTokens]).toEqual([alone.ids, alone.text, alone.promptTokens]);
    expect(conversation.messages).toEqual(second.messages);
    expect(second.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user", "assistant"]);
  });

  it("goes back to where another history differs, and answers as if anew", async () => {
    const defaults = { maxTokens: 6, temperature: 0, chatTemplate };
    using conversation = model.conversation({ defaults });
    await collect(conversation.say("Once upon a time there was a girl"));
    conversation.restart();
    const other = await collect(conversation.say("Once upon a time there was a fox"));
    expect(other.reusedTokens).toBeGreaterThan(3);
    const alone = await collect(model.chat([{ role: "user", content: "Once upon a time there was a fox" }], defaults));
    expect(other.ids).toEqual(alone.ids);
  });

  it("stays as it was when a turn is aborted, and goes on from what was computed", async () => {
    const defaults = { maxTokens: 30, temperature: 0, ignoreEos: true, chatTemplate };
    using conversation = model.conversation({ defaults });
    const abort = new AbortController();
    const pieces = conversation.say("Once upon a time", { signal: abort.signal });
    for (let i = 0; i < 4; i++) await pieces.next();
    abort.abort(new Error("enough"));
    await expect(pieces.next()).rejects.toThrow("enough");
    expect(conversation.messages).toEqual([]);
    const again = await collect(conversation.say("Once upon a time"));
    expect(again.reusedTokens).toBe(again.promptTokens - 1);
    const alone = await collect(model.chat([{ role: "user", content: "Once upon a time" }], defaults));
    expect(again.ids).toEqual(alone.ids);
  });

  it("can be left in the middle of an answer, but not asked meanwhile", async () => {
    using conversation = model.conversation({ defaults: { maxTokens: 5, chatTemplate } });
    const pieces = conversation.say("Hello");
    await pieces.next();
    await expect(collect(conversation.say("You"))).rejects.toThrow(UsageError);
    await pieces.return(undefined as never);
    expect(conversation.messages).toEqual([]);
    expect((await collect(conversation.say("You"))).messages.length).toBe(2);
  });

  it("refuses a conversation that is longer than the context, or forgets its oldest turns", async () => {
    const defaults = { maxTokens: 20, temperature: 0, ignoreEos: true, chatTemplate, context: 90 };
    const ask = "Once upon a time there was a little girl who";
    using strict = model.conversation({ system: "S", defaults });
    using free = model.conversation({ system: "S", defaults, overflow: "drop" });
    await collect(strict.say(ask));
    await expect(
      (async () => {
        for (let i = 0; i < 5; i++) await collect(strict.say(ask));
      })(),
    ).rejects.toThrow(/^conversation: found \d+ tokens and an answer of 20, expected at most the context, 90/);
    let dropped = 0;
    for (let i = 0; i < 6; i++) {
      const answer = await collect(free.say(ask));
      dropped += answer.droppedMessages;
      expect(answer.promptTokens + 20).toBeLessThanOrEqual(90);
      expect(answer.messages[0]).toEqual({ role: "system", content: "S" });
      expect(answer.messages[1].role).toBe("user");
    }
    expect(dropped).toBeGreaterThan(0);
    await expect(collect(free.say("long ".repeat(200)))).rejects.toThrow("at most the context, 90");
  });

  it("takes whole messages, and refuses options and messages of other kinds", async () => {
    using conversation = model.conversation({ defaults: { maxTokens: 2, chatTemplate } });
    const tool = { role: "tool", content: "42", tool_call_id: "1" };
    expect((await collect(conversation.say(tool))).messages[0]).toEqual(tool);
    expect(() => model.conversation({ systen: "x" } as never)).toThrow("system");
    expect(() => model.conversation({ overflow: "shift" } as never)).toThrow("expected error or drop");
    expect(() => model.conversation({ messages: [{}] as never })).toThrow("messages[0].role");
    expect(() => conversation.restart([5] as never)).toThrow("messages[0]");
  });

  it("frees its memory", async () => {
    const { arena } = model.machine;
    const before = arena.used;
    const conversation = model.conversation({ defaults: { maxTokens: 2, chatTemplate } });
    await collect(conversation.say("Hello"));
    expect(arena.used).toBeGreaterThan(before);
    conversation[Symbol.dispose]();
    expect(arena.used).toBe(before);
  });
});
