import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeJournal } from "../../src/adapter/node-journal.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-journal-"));
  path = join(folder, "deep", "run.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("nodeJournal", () => {
  it("keeps lines from one run to the next, without a last one that was cut off", async () => {
    {
      await using journal = await nodeJournal(path, { resume: true });
      expect(journal.lines).toEqual([]);
      await journal.append("eins", "zwei – größer");
    }
    appendFileSync(path, '{"half');
    await using journal = await nodeJournal(path, { resume: true });
    expect(journal.lines).toEqual(["eins", "zwei – größer"]);
    await journal.append("drei");
    expect(readFileSync(path, "utf8")).toBe("eins\nzwei – größer\ndrei\n");
  });

  it.each([
    ["a new one", ["head"], { head: "head", resume: false }],
    ["one that goes on", ["head", "known"], { head: "head", resume: true }],
  ])("keeps every line of %s that come together, after its head and in their order", async (_, known, options) => {
    if (options.resume) {
      await using journal = await nodeJournal(path);
      await journal.append(...known);
    }
    await using journal = await nodeJournal(path, options);
    const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    await Promise.all(lines.map((line) => journal.append(line)));
    expect(readFileSync(path, "utf8")).toBe([...known, ...lines, ""].join("\n"));
  });

  it("refuses one that exists, or begins anew when told", async () => {
    {
      await using journal = await nodeJournal(path);
      await journal.append("old");
    }
    await expect(nodeJournal(path)).rejects.toThrow("run.jsonl: found the journal of an interrupted run");
    expect(readFileSync(path, "utf8")).toBe("old\n");
    await using journal = await nodeJournal(path, { force: true });
    expect(journal.lines).toEqual([]);
    await journal.append("new");
    expect(readFileSync(path, "utf8")).toBe("new\n");
  });

  it("begins with its head, once, and not before there is something to keep", async () => {
    for (const [options, line] of [
      [{ force: true }, "one"],
      [{ resume: true }, "two"],
    ] as const) {
      await using journal = await nodeJournal(path, { ...options, head: "head" });
      await journal.append(line);
    }
    expect(readFileSync(path, "utf8")).toBe("head\none\ntwo\n");
    await (await nodeJournal(path, { force: true, head: "other" }))[Symbol.asyncDispose]();
    expect(readFileSync(path, "utf8")).toBe("head\none\ntwo\n");
    rmSync(path);
    await (await nodeJournal(path, { head: "head" }))[Symbol.asyncDispose]();
    expect(existsSync(path)).toBe(false);
  });

  it("is gone when its work is done", async () => {
    await using journal = await nodeJournal(path);
    await journal.append("one");
    await journal.remove();
    expect(existsSync(path)).toBe(false);
  });
});
