// Installs the packed package and uses it as a user would: the program, README's first program, and `import "quern"` on every runtime.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Checks, installPacked, run } from "./install-packed.mjs";
import { runInWorkerd } from "./workerd.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const bin = join(root, "ci/node_modules");
const model = join(root, "models/fable-mixtral");
const golden = JSON.parse(readFileSync(join(root, "ci/golden.json"), "utf8"));
const RUNTIMES = [
  ["node 20", [join(bin, "node20/bin/node")]],
  ["node 22", [join(bin, "node22/bin/node")]],
  ["node 24", [join(bin, "node24/bin/node")]],
  ["node 26", [join(bin, "node26/bin/node")]],
  ["deno", [join(bin, ".bin/deno"), "run", "-A", "--node-modules-dir=manual"]],
  ["bun", [join(bin, "@oven/bun-linux-x64/bin/bun")]],
];
const MOST_BYTES = 1_000_000;
const MOST_PACKAGES = 4;

/** Uses every entry of the package; prints a text, which must be the same everywhere. */
const PROGRAM = `import { loadModel } from "quern";
import { logitsHash } from "quern/bench";
import { perplexity } from "quern/evaluate";
import { memoryOutput, quantize } from "quern/quantize";
import "quern/core";
import "quern/node";
import "quern/worker";
const model = await loadModel(${JSON.stringify(model)});
let text = "";
for await (const piece of model.generate("One day", { maxTokens: 5, temperature: 0 })) text += piece.text;
const { nll } = await perplexity(model, Array.from({ length: 64 }, (_, i) => i), { window: 32 });
const { written } = await quantize(model, { bits: 8, method: "rtn", clip: "none", output: memoryOutput() });
const hash = await logitsHash(model);
await model[Symbol.asyncDispose]();
console.log(JSON.stringify({ text, nll, bytes: written.trueBytes, hash }));`;

/** The same in a worker, whose model is a part of it. */
const WORKER = `import { loadModel } from "quern";
import { logitsHash } from "quern/bench";
import config from "model/config.json";
import weights from "model/model.safetensors";
import tokenizer from "model/tokenizer.json";
export default {
  async test() {
    const files = { "config.json": config, "model.safetensors": weights, "tokenizer.json": tokenizer };
    const blobs = Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, new Blob([bytes])]));
    const model = await loadModel(blobs);
    let text = "";
    for await (const piece of model.generate("One day", { maxTokens: 5, temperature: 0 })) text += piece.text;
    console.log("found " + JSON.stringify({ text, hash: await logitsHash(model) }));
    await model[Symbol.asyncDispose]();
  },
};`;

const checks = new Checks("smoke");
const { folder, packed } = installPacked();
const quern = (...args) => run("npx", ["quern", ...args], folder);

async function checkPackage() {
  await checks.check(
    `the package has less than ${MOST_BYTES} bytes (${packed.unpackedSize})`,
    () => packed.unpackedSize < MOST_BYTES,
  );
  await checks.check(
    "it holds no source maps and no weights",
    () => !packed.files.some(({ path }) => /\.map$|\.safetensors$/.test(path)),
  );
  await checks.check(`npm installs at most ${MOST_PACKAGES} packages beside it, none with an install script`, () => {
    const { packages } = JSON.parse(readFileSync(join(folder, "node_modules/.package-lock.json"), "utf8"));
    const others = Object.entries(packages).filter(([path]) => path !== "node_modules/quern");
    return others.length <= MOST_PACKAGES && others.every(([, { hasInstallScript }]) => !hasInstallScript);
  });
}

async function checkProgram() {
  await checks.check("quern generate writes five tokens", () => {
    const line = quern(
      "generate",
      model,
      "--prompt",
      "Once upon a time",
      "--max-tokens",
      "5",
      "--ignore-eos",
      "--json",
    );
    const { ids, text } = JSON.parse(line);
    return ids.length === 5 && text.length > 0;
  });
  await checks.check("quern report says which package its figures need", () => {
    const results = join(root, "bench/quantmoe/results/activations.jsonl");
    try {
      quern("report", results, "--output", "report.html");
    } catch ({ stderr }) {
      return stderr.includes("npm install @observablehq/plot");
    }
  });
  symlinkSync(join(root, "models"), join(folder, "models"));
  const readme = readFileSync(join(root, "README.md"), "utf8");
  writeFileSync(join(folder, "story.mjs"), /^```js\n(.*?)^```$/ms.exec(readme)[1]);
  await checks.check(
    "README's first program tells a story",
    () => run(process.execPath, ["story.mjs"], folder).length > 80,
  );
}

/** @returns the text that all runtimes gave. */
async function checkRuntimes() {
  writeFileSync(join(folder, "use.mjs"), PROGRAM);
  let first;
  for (const [name, [command, ...args]] of RUNTIMES)
    await checks.check(`import "quern" on ${name}`, () => {
      const found = run(command, [...args, "use.mjs"], folder).trim();
      first ??= found;
      const { text, bytes, hash } = JSON.parse(found);
      return found === first && text.length > 0 && bytes > 1e6 && hash === golden["fable-mixtral f32 logits"];
    });
  return first === undefined ? undefined : JSON.parse(first).text;
}

async function checkWorkerd(text) {
  const out = join(folder, "worker");
  const files = ["config.json", "tokenizer.json", "model.safetensors"];
  mkdirSync(out);
  writeFileSync(join(folder, "worker.mjs"), WORKER);
  for (const name of files) copyFileSync(join(model, name), join(out, name));
  await checks.check('import "quern" on workerd', async () => {
    const printed = await runInWorkerd(join(folder, "worker.mjs"), out, { files, cwd: folder });
    const line = /^found (.*)$/m.exec(printed)[1];
    return line === JSON.stringify({ text, hash: golden["fable-mixtral f32 logits"] });
  });
}

/** The server's package beside the package, which says that it is missing until it is there. */
async function checkServer() {
  await checks.check("quern serve says which package it needs", () => {
    try {
      quern("serve", model);
    } catch ({ stderr }) {
      return stderr.includes("npm install quern-server");
    }
  });
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", join(root, "build/quern-server"), "--json", "--pack-destination", folder]),
  );
  run("npm", ["install", "--no-audit", "--no-fund", join(folder, filename)], folder);
  const [, program] = /^```js\n(import .*?)^```$/ms.exec(readFileSync(join(root, "docs/server.md"), "utf8"));
  writeFileSync(join(folder, "server.mjs"), program);
  let first;
  for (const [name, [command, ...args]] of RUNTIMES)
    await checks.check(`quern-server answers on ${name}`, () => {
      const found = run(command, [...args, "server.mjs"], folder).trim();
      first ??= found;
      return found === first && found.length > 0;
    });
  await checks.check("quern serve answers over HTTP with both packages", async () => {
    const child = spawn(process.execPath, ["node_modules/quern/dist/cli/main.js", "serve", model, "--port", "0"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = await once(child.stdout, "data");
      const [url] = /http:\S+/.exec(line.toString());
      const body = JSON.stringify({ prompt: "Once upon a time", max_tokens: 8, seed: 7 });
      const response = await fetch(`${url}/v1/completions`, { method: "POST", body });
      return (await response.json()).choices[0].text.trim() === first;
    } finally {
      child.kill();
    }
  });
}

try {
  await checkPackage();
  await checkProgram();
  await checkWorkerd(await checkRuntimes());
  await checkServer();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
checks.end();
