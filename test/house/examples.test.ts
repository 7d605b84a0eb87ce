import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { writeSmallModels } from "../helpers/small-models.ts";
import { blocksOf, type CodeBlock } from "./reading/markdown.ts";
import { listFiles, readRepository } from "./reading/sources.ts";

/** The oldest Node that the package supports, where .ci/run has installed it. */
const OLDEST = repositoryFile("ci/node_modules/node20/bin/node");
const node = existsSync(OLDEST) ? OLDEST : process.execPath;
const RUN = ["js", "ts", "sh"];
/** What takes longer hangs, also on a machine that does other work. */
const HANG_MS = 600_000;

const documents = ["README.md", "CONTRIBUTING.md", "bench/quantmoe/README.md", ...listFiles("docs", ".md")];
const blocks = documents.flatMap((file) => blocksOf(file, readRepository(file)));
const isOfCheckout = ({ code }: CodeBlock) => /^(?:npm |bash \.ci)/.test(code);
const isStudy = ({ place }: CodeBlock) => place.startsWith("bench/");
const examples = blocks.filter((block) => RUN.includes(block.language) && !isOfCheckout(block) && !isStudy(block));

/** A folder as a checkout looks to an example, but with small models, and with `quern` on the path. */
const root = mkdtempSync(join(tmpdir(), "quern-examples-"));
beforeAll(() => {
  writeSmallModels(join(root, "models"));
  mkdirSync(join(root, "bin"));
  const main = repositoryFile("dist/cli/main.js");
  writeFileSync(join(root, "bin/quern"), `#!/bin/sh\nexec "${node}" "${main}" "$@"\n`);
  chmodSync(join(root, "bin/quern"), 0o755);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** An empty folder with what the documents speak of: models, fixtures, configurations, and the package as npm would install it. */
function freshFolder(): string {
  const folder = mkdtempSync(join(root, "run-"));
  for (const name of ["test", "bench", "schema"]) symlinkSync(repositoryFile(name), join(folder, name));
  symlinkSync(join(root, "models"), join(folder, "models"));
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(repositoryFile(""), join(folder, "node_modules/quern"));
  // Not a link: what it imports is looked for where its files are.
  cpSync(repositoryFile("build/quern-server"), join(folder, "node_modules/quern-server"), { recursive: true });
  return folder;
}

/** Runs a block as it is printed, alone: a program as `.mjs`, a shell block until a command fails. */
function runBlock({ language, code }: CodeBlock): { status: number | null; stdout: string; stderr: string } {
  const cwd = freshFolder();
  const file = language === "sh" ? "example.sh" : "example.mjs";
  writeFileSync(join(cwd, file), code);
  const [command, ...args] = language === "sh" ? ["bash", "-eu", file] : [node, file];
  const env = { ...process.env, PATH: `${join(root, "bin")}${delimiter}${process.env["PATH"]}` };
  return spawnSync(command, args, { cwd, env, encoding: "utf8", timeout: HANG_MS });
}

describe("examples of the documents", () => {
  it("are found", () => {
    expect(examples.length).toBeGreaterThan(14);
    expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(["js", "sh", "json", "html", "text"]));
  });

  it.each(examples.map((block) => [block.place, block] as const))(
    "%s runs alone, as printed",
    (_, block) => {
      const { status, stdout, stderr } = runBlock(block);
      expect(stderr).not.toMatch(/\bat \S+ \(?(?:file|node):/);
      expect(`${status} ${status === 0 ? "" : stderr}`).toBe("0 ");
      expect(stdout.trim()).not.toBe("");
    },
    HANG_MS,
  );
});

// These install, build and test the checkout itself, so a test cannot run them: .ci/run does. What they name must be there.
describe("commands for a checkout", () => {
  const commands = blocks.filter(isOfCheckout).flatMap(({ code }) => code.trim().split("\n"));
  const { scripts } = JSON.parse(readRepository("package.json")) as { scripts: Record<string, string> };

  it.each(commands.map((line) => line.replace(/\s+#.*/, "")))("%s is there", (line) => {
    const [, script = line] = /^npm (?:run )?([\w:]+)/.exec(line) ?? [];
    const text = line.startsWith("npm ") ? scripts[script] : line;
    expect(text).toBeTypeOf("string");
    for (const [, file] of text.matchAll(/\b(?:node|bash) (\S+)/g)) {
      if (!file.startsWith("dist/")) expect(existsSync(repositoryFile(file)), file).toBe(true);
    }
  });
});
