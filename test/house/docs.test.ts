import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/base/json.ts";
import { VERSION } from "../../src/base/version.ts";
import { compileTask } from "../../src/eval/tasks/compile-task.ts";
import { parseTask } from "../../src/eval/tasks/parse-task.ts";
import { BUILTIN_TASKS } from "../../src/eval/tasks/registry.ts";
import { defineTask, type Task } from "../../src/eval/tasks/task.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { blocksOf } from "./reading/markdown.ts";
import { listFiles, readRepository } from "./reading/sources.ts";

const help = (...args: readonly string[]) =>
  execFileSync(process.execPath, ["dist/cli/main.js", ...args, "--help"], { encoding: "utf8" });
const COMMANDS = [...help().matchAll(/^ {2}([a-z][a-z-]+) /gm)]
  .map((match) => match[1])
  .filter((name) => name !== "help" && name !== "quern");

describe("docs/cli.md", () => {
  const text = readRepository("docs/cli.md");

  it("finds the commands", () => {
    expect(COMMANDS.length).toBeGreaterThan(8);
  });

  it.each(COMMANDS)("tells of %s and all its options", (command) => {
    expect(text).toContain(`\`${command} `);
    const options = [...help(command).matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)].map((match) => match[1]);
    for (const option of options) if (option !== "--help") expect(text).toContain(option);
  });
});

describe("docs/tasks.md", () => {
  const text = readRepository("docs/tasks.md");
  const rows = new Map([...text.matchAll(/^\| `(\w+)`.*$/gm)].map(([row, name]) => [name, row]));
  const [document, row] = [...text.matchAll(/```json\n([^`]+)```/g)].map(([, json]) => JSON.parse(json) as JsonObject);

  /** MMLU's subjects share a row. */
  const rowOf = ({ task, tag }: Task) => rows.get(tag.includes("mmlu") ? "mmlu_SUBJECT" : task);

  it.each(BUILTIN_TASKS.map((task) => [task.task, task] as const))(
    "tells of %s: shots, metrics, files",
    (name, task) => {
      const subject = name.replace("mmlu_", "");
      const told = rowOf(task)?.replaceAll("SUBJECT", subject) ?? "nothing";
      const files = Object.values(task.files).flatMap((list) =>
        list.flatMap(({ path, labels = path }) => [path, labels]),
      );
      expect(told).toContain(`| ${task.num_fewshot} | \`${task.primary}\``);
      for (const each of [...task.metric_list, ...files]) expect(told).toContain(`\`${each}\``);
      for (const tag of task.tag) expect(text).toContain(`\`${tag}\``);
    },
  );

  it("tells of every field that a task has", () => {
    const fields = BUILTIN_TASKS.flatMap((task) => Object.keys(task));
    for (const field of new Set(fields)) expect(rows.has(field), field).toBe(true);
  });

  it("has an example that is a task for its row", () => {
    const task = parseTask(document, "docs/tasks.md");
    expect(defineTask(task)).toEqual(task);
    const context = "Question: What is the capital of Peru?\nAnswer:";
    expect(compileTask(task).prompt(row, "row")).toEqual({
      requests: [" Quito", " Lima"].map((continuation) => ({ context, continuation })),
      choices: ["Quito", "Lima"],
      target: 1,
    });
  });
});

describe("VERSION", () => {
  it("is the package's", () => {
    expect(VERSION).toBe((JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version);
  });
});

/** Entries of the package, and the source that each is built from. */
const ENTRIES: Readonly<Record<string, () => Promise<Record<string, unknown>>>> = {
  quern: () => import("../../src/index.ts"),
  "quern/core": () => import("../../src/core.ts"),
  "quern/quantize": () => import("../../src/quantize.ts"),
  "quern/evaluate": () => import("../../src/evaluate.ts"),
  "quern/bench": () => import("../../src/bench.ts"),
  "quern/worker": () => import("../../src/worker.ts"),
  "quern/node": () => import("../../src/node.ts"),
};

const IMPORT = /import \{([^}]+)\} from "(quern[\w/]*)"/g;
const programs = ["README.md", ...listFiles("docs", ".md")].filter((file) => readRepository(file).match(IMPORT));

describe.each(programs)("examples of %s", (file) => {
  const imports = [...readRepository(file).matchAll(IMPORT)];

  it("import what the package exports", async () => {
    for (const [, names, entry] of imports) {
      const exported = Object.keys(await ENTRIES[entry]());
      expect(exported).toEqual(expect.arrayContaining(names.match(/\w+/g) ?? []));
    }
  });
});

describe("import maps of the documents", () => {
  const file = "docs/getting-started.md";
  const [page] = blocksOf(file, readRepository(file)).filter(({ language }) => language === "html");
  const map = /<script type="importmap">(.+?)<\/script>/s.exec(page.code)?.[1] ?? "{}";
  const { imports } = JSON.parse(map) as { imports: Readonly<Record<string, string>> };

  it("of the page lead to files of a checkout", () => {
    expect(Object.keys(imports)).toContain("quern");
    expect(Object.values(imports).filter((path) => !existsSync(repositoryFile(path)))).toEqual([]);
  });

  it("name the same files, wherever the package is", () => {
    const [, json] = /```json\n(.+?)```/s.exec(readRepository("docs/embedding.md")) ?? [];
    const { imports: installed } = JSON.parse(json) as { imports: Readonly<Record<string, string>> };
    const inCheckout = (path: string) => path.replace("/node_modules/quern/", "./").replace(/^\/node/, "./node");
    for (const [name, path] of Object.entries(imports)) expect(inCheckout(installed[name])).toBe(path);
    for (const path of Object.values(installed)) expect(existsSync(repositoryFile(inCheckout(path)))).toBe(true);
  });
});

describe("docs/library.md", () => {
  it("names only what each entry exports", async () => {
    const rows = [...readRepository("docs/library.md").matchAll(/^\| `(quern[\w/]*)` \| (.+) \|$/gm)];
    expect(rows.map(([, entry]) => entry)).toEqual(expect.arrayContaining(Object.keys(ENTRIES)));
    for (const [, entry, row] of rows) {
      const exported = Object.keys(await ENTRIES[entry]());
      const names = [...row.matchAll(/`([A-Za-z]+)`/g)].map(([, name]) => name);
      expect(exported).toEqual(expect.arrayContaining(names));
    }
  });
});
