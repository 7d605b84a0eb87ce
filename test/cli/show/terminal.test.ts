import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { screenAfter } from "../../helpers/screen-model.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { hasTerminal, onTerminal } from "../pty.ts";
import { quern, TINY_MODEL } from "../quern.ts";

const CTRL_C = "\x03";
/** The first cell of a bar: what is tested has had one. */
const BAR = /[\u2588\u2591]/;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-terminal-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What stands on the terminal in the end. */
async function shownBy(args: readonly string[]): Promise<{ readonly status: number | null; readonly text: string }> {
  const { status, bytes } = await onTerminal(args);
  expect(bytes).toMatch(BAR);
  return { status, text: screenAfter(bytes, 10_000).join("\n") };
}

// Without `script` of util-linux, `screen.test.ts` holds the same on a terminal that it models.
describe.skipIf(!hasTerminal)("on a terminal", () => {
  it("shows a story whole, and nothing else", async () => {
    const args = ["generate", TINY_MODEL, "--prompt", "Once upon", "--temperature", "0", "--max-tokens", "24"];
    const { stdout } = quern([...args, "--quiet"]);
    expect(await shownBy(args)).toEqual({ status: 0, text: stdout.trimEnd() });
  });

  it("shows the whole result of perplexity and evaluate", async () => {
    const ids = Array.from({ length: 600 }, (_, i) => i % 500).join(",");
    const scoring = ["perplexity", TINY_MODEL, "--ids", ids, "--window", "64"];
    expect((await shownBy(scoring)).text).toBe(quern([...scoring, "--quiet"]).stdout.trimEnd());
    const data = repositoryFile("test/fixtures/eval/data");
    const tasks = ["evaluate", TINY_MODEL, "--tasks", "copa,piqa", "--data", data];
    expect((await shownBy(tasks)).text).toBe(quern([...tasks, "--quiet"]).stdout.trimEnd());
  });

  it("shows the whole summary of quantize", async () => {
    const args = ["quantize", TINY_MODEL, "--bits", "4", "--method", "rtn", "--output"];
    const { status, text } = await shownBy([...args, join(folder, "a")]);
    expect(status).toBe(0);
    expect(text).toMatch(/^.*fable-mixtral -> .*\n\d+ matrices, 4\.0000 average bits, [\d.]+ MB on disk, [\d.]+ s$/);
  });

  it("shows notes, the result and an error whole, each on lines of their own", async () => {
    const data = join(folder, "copa-alone");
    cpSync(repositoryFile("test/fixtures/eval/data/copa"), join(data, "copa"), { recursive: true });
    const args = ["evaluate", TINY_MODEL, "--tasks", "copa,piqa", "--data", data];
    const { status, text } = await shownBy(args);
    expect(status).toBe(1);
    const lines = text.split("\n");
    expect(lines[0]).toMatch(/^quern: FILE: .*piqa/);
    expect(lines.slice(1, -1).join("\n")).toBe(quern([...args, "--quiet"]).stdout.trimEnd());
    expect(lines.at(-1)).toMatch(/^quern: PARTIAL: /);
  });

  it("after Ctrl-C in a bar shows only that", async () => {
    const args = ["quantize", TINY_MODEL, "--self", "--samples", "4", "--bits", "2", "--output", join(folder, "b")];
    const { status, bytes } = await onTerminal(args, { when: /quantize [\u2588\u2591]/, keys: CTRL_C });
    expect(status).toBe(130);
    expect(screenAfter(bytes, 10_000).join("\n")).toMatch(/^quern: INTERRUPTED: [^\n]*$/);
  });

  it("after Ctrl-C in a story keeps what was told, and the sentence a line below", async () => {
    const args = ["generate", TINY_MODEL, "--prompt", "Once upon", "--temperature", "0", "--max-tokens", "400"];
    const story = quern([...args, "--ignore-eos", "--quiet"]).stdout;
    const typed = { when: / there/, keys: CTRL_C };
    const { status, bytes } = await onTerminal([...args, "--ignore-eos"], typed);
    expect(status).toBe(130);
    const lines = screenAfter(bytes, 10_000);
    expect(lines.at(-1)).toMatch(/^quern: INTERRUPTED: /);
    const told = lines.slice(0, -1).join("\n").replace("^C", "");
    expect(told.length).toBeGreaterThan(5);
    expect(story.startsWith(told.trimEnd())).toBe(true);
  });
});
