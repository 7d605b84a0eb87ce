import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { screenAfter } from "../../helpers/screen-model.ts";
import { readJsonLines, repositoryFile, sharedFile } from "../../helpers/shared.ts";
import { hasTerminal, onTerminal } from "../pty.ts";
import { quern, TINY_MODEL } from "../quern.ts";

const TEMPLATE = repositoryFile("test/fixtures/chat/turns.jinja");
const MESSAGES = repositoryFile("test/fixtures/chat/messages.json");
const CHAT = ["chat", TINY_MODEL, "--template", TEMPLATE];
const PROMPT = "system: Tell a tale.<|endoftext|>\nuser: Once upon a time<|endoftext|>\nassistant:";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-chat-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function jsonFile(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

interface Line {
  readonly template_name: string;
  readonly template: string;
  readonly messages: unknown;
  readonly tools: unknown;
  readonly options: Record<string, unknown>;
  readonly rendered?: string;
  readonly error?: string;
}

describe("quern chat --render", () => {
  it("prints exactly the prompt", () => {
    expect(quern([...CHAT, "--messages", MESSAGES, "--render"])).toEqual({ status: 0, stdout: PROMPT, stderr: "" });
    const plain = quern([...CHAT, "--messages", MESSAGES, "--render", "--no-generation-prompt"]);
    expect(plain.stdout).toBe(PROMPT.replace(/assistant:$/, ""));
  });

  it("gives ids with --json, and takes messages from stdin and a system message from the line", () => {
    const args = [...CHAT, "--messages", "-", "--system", "Tell a tale.", "--render", "--json"];
    const { stdout } = quern(args, JSON.stringify([{ role: "user", content: "Once upon a time" }]));
    const { text, ids, promptTokens } = JSON.parse(stdout) as { text: string; ids: number[]; promptTokens: number };
    expect(text).toBe(PROMPT);
    const tokens = quern(["tokenize", TINY_MODEL, "--text", PROMPT, "--json"]);
    expect(ids).toEqual((JSON.parse(tokens.stdout) as { ids: number[] }).ids);
    expect(promptTokens).toBe(ids.length);
  });

  it("needs no more than tokenizer files, and renders with variables as transformers does", () => {
    const seen = new Set<string>();
    for (const line of readJsonLines<Line>(repositoryFile("test/fixtures/chat/templates.jsonl"))) {
      const kind = `${line.template_name} ${line.error === undefined} ${line.tools === null}`;
      if (seen.has(kind)) continue;
      seen.add(kind);
      const model = join(folder, "tokenizer-only");
      mkdirSync(model, { recursive: true });
      writeFileSync(join(model, "tokenizer_config.json"), JSON.stringify({ chat_template: line.template }));
      const { add_generation_prompt: asks, ...options } = line.options;
      const variables = jsonFile("variables.json", { tools: line.tools, ...options });
      const args = [
        "chat",
        model,
        "--messages",
        jsonFile("m.json", line.messages),
        "--variables",
        variables,
        "--render",
      ];
      const { status, stdout, stderr } = quern(asks === true ? args : [...args, "--no-generation-prompt"]);
      if (line.error === undefined) expect([stdout, stderr]).toEqual([line.rendered, ""]);
      else expect(stderr).toContain(line.error.replace("TemplateError: ", ""));
      expect(status).toBe(line.error === undefined ? 0 : 1);
    }
    expect(seen.size).toBe(8);
  });

  it("takes an object with messages, whose other fields are variables", () => {
    const template = join(folder, "t.jinja");
    writeFileSync(template, "{{ messages|length }} {{ tools|tojson }} {{ mood }}");
    const file = jsonFile("body.json", { messages: [{ role: "user", content: "x" }], tools: [1], mood: "a" });
    const args = ["chat", TINY_MODEL, "--template", template, "--messages", file, "--render"];
    expect(quern(args).stdout).toBe("1 [1] a");
    expect(quern([...args, "--variables", jsonFile("v.json", { mood: "b" })]).stdout).toBe("1 [1] b");
  });
});

describe("quern chat --messages", () => {
  const settings = ["--temperature", "0", "--max-tokens", "12"];

  it("answers as generate continues the prompt", () => {
    const { status, stdout } = quern([...CHAT, "--messages", MESSAGES, ...settings, "--json"]);
    expect(status).toBe(0);
    const answer = JSON.parse(stdout) as Record<string, unknown>;
    const plain = quern(["generate", TINY_MODEL, "--prompt", PROMPT, ...settings, "--json"]);
    const wanted = JSON.parse(plain.stdout) as Record<string, unknown>;
    for (const key of ["text", "ids", "promptTokens", "stopReason", "hash", "engine"])
      expect(answer[key], key).toEqual(wanted[key]);
    expect(Object.keys(wanted).filter((key) => !(key in answer))).toEqual([]);
    expect(answer["message"]).toEqual({ role: "assistant", content: wanted["text"] });
    expect(quern([...CHAT, "--messages", MESSAGES, ...settings]).stdout).toBe(`${wanted["text"] as string}\n`);
  });

  it("may be a question on stdin, where there is no terminal", () => {
    const args = [...CHAT, "--system", "Tell a tale.", ...settings, "--quiet"];
    expect(quern(args, "Once upon a time\n").stdout).toBe(quern([...CHAT, "--messages", MESSAGES, ...settings]).stdout);
  });

  it.each<[string, readonly string[], string, number]>([
    [
      "a model without a template",
      ["chat", TINY_MODEL, "--messages", MESSAGES],
      "found no chat template (chat_template.jinja",
      1,
    ],
    ["--render without messages", [...CHAT, "--render"], "--render: found no messages, expected --messages", 2],
    [
      "no prompt for an answer",
      [...CHAT, "--messages", MESSAGES, "--no-generation-prompt"],
      "expected --render too",
      2,
    ],
    ["two system messages", [...CHAT, "--messages", MESSAGES, "--system", "x"], "found a system message in", 2],
    ["no question", CHAT, "stdin: found no text, expected a question", 2],
    ["a file of another kind", [...CHAT, "--messages", TEMPLATE], "turns.jinja: line 1, column 2: found", 1],
    ["a model that is none", ["chat", "nowhere", "--messages", MESSAGES], "nowhere", 1],
  ])("refuses %s", (_, args, sentence, status) => {
    const run = quern(args);
    expect(run.stderr).toContain(sentence);
    expect([run.status, run.stdout]).toEqual([status, ""]);
  });

  it("refuses messages that are none, naming the file", () => {
    const args = [...CHAT, "--messages", jsonFile("bad.json", [{ content: "x" }])];
    expect(quern(args).stderr).toMatch(/^quern: FORMAT: .*bad\.json: messages\[0\]\.role: found nothing/);
  });

  const smol = sharedFile("models/smol-moe/smol-moe.gguf");
  it.skipIf(smol === undefined)("renders by the template in a GGUF file", () => {
    const { stdout } = quern(["chat", smol!, "--messages", MESSAGES, "--render"]);
    expect(stdout).toBe(
      "<|im_start|>system\nTell a tale.<|im_end|>\n<|im_start|>user\nOnce upon a time<|im_end|>\n<|im_start|>assistant\n",
    );
  });
});

describe.skipIf(!hasTerminal)("quern chat on a terminal", () => {
  const talk = [...CHAT, "--temperature", "0", "--max-tokens", "12"];
  const line = (text: string) => `${text}\r`;
  const ready = /> [^\n]*$/;

  it("answers questions with their history, and leaves", async () => {
    const saved = join(folder, "saved.json");
    const { status, bytes } = await onTerminal(
      [...talk, "--system", "Tell a tale."],
      { when: ready, keys: line("Once upon a time") },
      { when: /cut at 12 tokens[\s\S]*> [^\n]*$/, keys: line("And then") },
      { when: /cut at 12 tokens[\s\S]*> [^\n]*$/, keys: line(`/save ${saved}`) },
      { when: /5 messages are in[\s\S]*> [^\n]*$/, keys: line("/exit") },
    );
    expect(status).toBe(0);
    const first = quern([...CHAT, "--messages", MESSAGES, "--temperature", "0", "--max-tokens", "12"]).stdout.trim();
    expect(screenAfter(bytes, 10_000).join("\n")).toContain(first.split("\n")[0]);
    const messages = JSON.parse(readFileSync(saved, "utf8")) as { role: string; content: string }[];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user", "assistant"]);
    expect(messages[2].content.trim()).toBe(first);
  });

  it("stops an answer at Ctrl-C, clears a line at the next, and leaves at the second after that", async () => {
    const { status, bytes } = await onTerminal(
      [...CHAT, "--max-tokens", "2000", "--ignore-eos"],
      { when: ready, keys: line("Once upon a time") },
      { when: /\n[^\n]*\w+ \w+ \w+/, keys: "\x03" },
      { when: /was stopped[\s\S]*> [^\n]*$/, keys: "half a li" },
      { when: /half a li/, keys: "\x03" },
      { when: /once more[\s\S]*> [^\n]*$/, keys: "\x03" },
    );
    expect(status).toBe(0);
    expect(bytes).toContain("The answer was stopped, and is forgotten with its question.");
  });

  it("takes questions of several lines and the commands of its help", async () => {
    const { status, bytes } = await onTerminal(
      talk,
      { when: ready, keys: line("/help") },
      { when: /begins and ends a text[\s\S]*> [^\n]*$/, keys: line("/frob") },
      { when: /There is no \/frob[\s\S]*> [^\n]*$/, keys: line('"""') },
      { when: /\. [^\n]*$/, keys: line("a") },
      { when: /\. [^\n]*$/, keys: line('b"""') },
      { when: /cut at 12 tokens[\s\S]*> [^\n]*$/, keys: line("/system Be brief.") },
      { when: /is set[\s\S]*> [^\n]*$/, keys: line("/undo") },
      { when: /are forgotten[\s\S]*> [^\n]*$/, keys: line("/save") },
      { when: /needs the name[\s\S]*> [^\n]*$/, keys: line("/clear") },
      { when: /begins anew[\s\S]*> [^\n]*$/, keys: "\x04" },
    );
    expect(status).toBe(0);
    expect(bytes).not.toContain("INTERNAL");
  });
});
