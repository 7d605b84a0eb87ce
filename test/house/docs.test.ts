import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.ts";
import { readRepository } from "./sources.ts";

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
  "quern/node": () => import("../../src/node.ts"),
};

describe.each(["README.md", "docs/library.md"])("examples of %s", (file) => {
  const text = readRepository(file);
  const imports = [...text.matchAll(/import \{([^}]+)\} from "(quern[\w/]*)"/g)];

  it("import what the package exports", async () => {
    expect(imports.length).toBeGreaterThan(0);
    for (const [, names, entry] of imports) {
      const exported = Object.keys(await ENTRIES[entry]());
      expect(exported).toEqual(expect.arrayContaining(names.split(",").map((name) => name.trim())));
    }
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
