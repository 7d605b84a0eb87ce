// The ten targets, and how each runs the suite. `isMissing` says that a browser is not installed.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../../ci/node_modules/esbuild/lib/main.js";
import { hasBrowser, openPage } from "../../ci/page.mjs";
import { runInWorkerd } from "../../ci/workerd.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const bin = (name) => join(root, "ci/node_modules", name);
const LIMIT_MS = 240_000;

const BASE = ["base/1", "base/2"];
const BOTH = [...BASE, "relaxed/1", "relaxed/4"];

/** Runs a program and gives what it prints. */
export function output(command, args) {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, NO_COLOR: "1" }, timeout: LIMIT_MS });
  const texts = { stdout: "", stderr: "" };
  for (const name of Object.keys(texts))
    child[name].setEncoding("utf8").on("data", (piece) => {
      texts[name] += piece;
    });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) =>
      status === 0 ? resolve(texts.stdout) : reject(new Error(`exit status ${status}: ${texts.stderr.slice(-600)}`)),
    );
  });
}

/** A runtime with a file system, on which the program `quern` runs too. */
const onDisk = (name, variants, [command, ...args]) => ({
  ...{ name, variants, command: [command, ...args] },
  run: () => output(command, [...args, here("on-disk.mjs")]),
});

/** A page in a browser. Unless it is isolated, it cannot share memory with workers, and has one thread. */
const onPage = (name, variants, { browser = name, isolated = true } = {}) => ({
  ...{ name, variants, isMissing: !hasBrowser(browser) },
  run: () =>
    inFolder(async (folder) => {
      await build({
        ...{ entryPoints: [here("on-page.mjs")], outfile: join(folder, "page.js") },
        ...{ bundle: true, format: "esm", logLevel: "error" },
      });
      const script = '<script type="module" src="page.js"></script>';
      writeFileSync(join(folder, "index.html"), `<!doctype html>\n<title>quern</title>\n${script}\n`);
      const folders = { built: folder, repository: root };
      return openPage(folders, "built/index.html", { browser, isolated, limitMs: LIMIT_MS });
    }),
});

async function inFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), "quern-runtime-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const TARGETS = [
  onDisk("node 20", BASE, [bin("node20/bin/node")]),
  onDisk("node 22", BOTH, [bin("node22/bin/node")]),
  onDisk("node 24", BOTH, [bin("node24/bin/node")]),
  onDisk("node 26", BOTH, [bin("node26/bin/node")]),
  onDisk("deno", BOTH, [bin(".bin/deno"), "run", "-A", "--node-modules-dir=manual"]),
  onDisk("bun", BOTH, [bin("@oven/bun-linux-x64/bin/bun")]),
  // One thread, and the base build, since the package has no module of the other one.
  {
    ...{ name: "workerd", variants: ["base/1"] },
    run: () => inFolder((folder) => runInWorkerd(here("on-workerd.mjs"), folder, { folder: root })),
  },
  onPage("chromium", BOTH),
  onPage("firefox", BOTH),
  onPage("chromium, page not isolated", ["base/1", "relaxed/1"], { browser: "chromium", isolated: false }),
];
