/** Chat templates with messages, and generation_config.json: read as a folder's text parts, then rendered. */
import { parseJsonBytes } from "../../../src/base/json.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { folderText } from "../../../src/model/text/folder-text.ts";
import { type ChatMessage, checkMessages } from "../../../src/text/chat/chat-template.ts";
import { readJsonLines, repositoryFile } from "../../helpers/shared.ts";
import type { Area } from "../area.ts";
import { damageBytes } from "../bytes.ts";
import type { Dice } from "../dice.ts";
import { damageJson, type Extras } from "../json.ts";

interface Line {
  readonly template: string;
  readonly messages?: unknown;
}

/** Pieces that make templates do much, or what no template does. */
const PIECES = [
  ...[
    "{% for a in range(99999999) %}",
    "{% endfor %}",
    "{% if 1 %}",
    "{% endif %}",
    "{{ messages * 99999999 }}",
    "{% break %}",
  ],
  ...["{% set n = namespace(s=messages) %}", "{% for i in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}"],
  ...[
    "{{ n.s|tojson(indent=999999999) }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ 9 ** 9 ** 9 }}",
  ],
  ...[
    "{{ messages|string|replace('', messages|string) }}",
    "{{ 'a'|indent(999999999) }}",
    "{{ __proto__ }}",
    "{{ ''.constructor }}",
  ],
  ...[
    "{{ messages|sort }}",
    "{{ (messages|string).split('') }}",
    "|",
    "is",
    "(",
    "[",
    "{#",
    "-%}",
    "loop.",
    "\u0000",
    " ".repeat(999),
  ],
];
const WORDS: Extras = { texts: ["system", "tool", "{{ x }}", "{% endfor %}", "\ud800", "<|endoftext|>"] };

function damagedTemplate(text: string, dice: Dice): string {
  if (dice.chance(0.25)) return new TextDecoder().decode(damageBytes(new TextEncoder().encode(text), dice));
  let damaged = text;
  for (let count = 1 + dice.below(4); count > 0; count--) {
    const at = dice.below(damaged.length + 1);
    const end = dice.chance(0.5) ? at : Math.min(damaged.length, at + dice.below(40));
    damaged = damaged.slice(0, at) + dice.pick(PIECES) + damaged.slice(end);
  }
  return damaged;
}

export async function templates(): Promise<Area> {
  const folder = repositoryFile("test/fixtures/chat");
  const conversations = readJsonLines<Line>(`${folder}/templates.jsonl`);
  const lines = [...conversations, ...readJsonLines<Line>(`${folder}/jinja.jsonl`)];
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  return {
    make(dice) {
      const { template } = dice.pick(lines);
      const messages = dice.pick(conversations).messages;
      const config = { bos_token: "<s>", eos_token: "</s>", chat_template: [{ name: "default", template }] };
      const generation = { eos_token_id: [1, 2], do_sample: true, temperature: 0.5, top_k: 4, top_p: 0.5 };
      return {
        "chat_template.jinja": bytesOf(dice.chance(0.8) ? damagedTemplate(template, dice) : template),
        "tokenizer_config.json": dice.chance(0.1) ? damageJson(config, dice, WORDS) : bytesOf(JSON.stringify(config)),
        "generation_config.json": dice.chance(0.2) ? damageJson(generation, dice) : bytesOf(JSON.stringify(generation)),
        "messages.json": dice.chance(0.3) ? damageJson(messages, dice, WORDS) : bytesOf(JSON.stringify(messages)),
      };
    },
    async run(input) {
      const text = folderText(filesFolder("fuzz", input));
      const messages: unknown = parseJsonBytes(input["messages.json"], "messages.json");
      checkMessages(messages);
      const rendered = (await text.chat.template()).render(messages as readonly ChatMessage[]);
      if (typeof rendered !== "string") throw new Error(`the prompt is ${typeof rendered}`);
      const { eosIds = [] } = await text.generation();
      if (!eosIds.every(Number.isSafeInteger)) throw new Error(`ids that end a text are ${eosIds.join(" ")}`);
    },
  };
}
