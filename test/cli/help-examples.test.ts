/** Every example that help prints runs as it stands, from the root of a checkout. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { quern } from "./quern.ts";

/**
 * Minutes of work that other tests do on less (`demo`, a knapsack, a whole study, GPTQ of a whole model), a server, which does not end, and a worker, which
 * needs the server of a queue (ci/queue.mjs runs some).
 */
const TOO_LONG = [
  /^quern demo /,
  /^quern serve /,
  /^quern work /,
  /--policy knapsack/,
  /^quern sweep (?!.*--dry-run)/,
  /^quern smooth /,
  /--bits 3 --self/,
  /out\/fable-3bit/,
];

const commands = [...quern(["--help"]).stdout.matchAll(/^ {2}([a-z-]+) /gm)]
  .map(([, name]) => name)
  .filter((name) => name !== "quern");

function examplesOf(name: string): readonly string[] {
  const [, after] = quern([name, "--help"]).stdout.split("Example:\n");
  return [...after.matchAll(/^ {2}(quern .*)$/gm)].map(([, line]) => line);
}

let root: string;
beforeAll(() => {
  // A folder that looks like a checkout's root, so that examples write into no real one.
  root = mkdtempSync(join(tmpdir(), "quern-examples-"));
  for (const name of ["models", "test", "bench"]) symlinkSync(repositoryFile(name), join(root, name));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.skipIf(process.platform === "win32")("the examples of help", () => {
  it("are there for every command", () => {
    expect(commands.length).toBeGreaterThan(14);
    for (const name of commands) expect(examplesOf(name), name).not.toEqual([]);
  });

  it.each(commands)("%s", (name) => {
    for (const line of examplesOf(name)) {
      if (TOO_LONG.some((pattern) => pattern.test(line))) continue;
      const script = `quern() { "${process.execPath}" "${repositoryFile("dist/cli/main.js")}" "$@"; }\n${line}`;
      const { status, stderr } = spawnSync("sh", ["-c", script], { cwd: root, encoding: "utf8" });
      expect(status, `${line}\n${stderr}`).toBe(0);
    }
    rmSync(join(root, "out"), { recursive: true, force: true });
  });
});
