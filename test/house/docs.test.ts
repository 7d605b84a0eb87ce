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
