import { describe, expect, it } from "vitest";
import { ChatTemplate } from "../../../src/text/chat/chat-template.ts";
import { endOfTurnId } from "../../../src/text/chat/end-of-turn.ts";
import { openTiny } from "../tokenizers.ts";

const tokenizer = openTiny();
const END = "<|endoftext|>";

async function endOf(source: string): Promise<number | undefined> {
  const template = await ChatTemplate.open([{ name: "default", source, where: "m" }], { eos_token: END });
  return endOfTurnId(template, tokenizer);
}

describe("endOfTurnId", () => {
  it.each([
    ["a special token after the answer", "{% for m in messages %}{{ m.content }}{{ eos_token }}\n{% endfor %}", 0],
    ["one after a newline", `{% for m in messages %}{{ m.content }}\n${END}{% endfor %}`, 0],
    ["the beginning of the next turn", `{% for m in messages %}${END}{{ m.role }}{{ m.content }}{% endfor %}`, 0],
    [
      "one where only a single turn is taken",
      `{% if messages|length > 2 %}{{ raise_exception('x') }}{% endif %}{% for m in messages %}{{ m.content }}${END}{% endfor %}`,
      0,
    ],
    ["plain text", "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}", undefined],
    ["a template that shows no answer", "{{ messages[0].content }}", undefined],
    ["a template that refuses", "{{ raise_exception('x') }}", undefined],
  ])("finds %s", async (_, source, id) => {
    expect(await endOf(source)).toBe(id);
  });
});
