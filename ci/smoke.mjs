// Packs the package, installs the tarball in an empty folder, and uses it there as a user would: no checkout, no weights inside.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const reportAt = process.argv.indexOf("--report");
const report = reportAt > 0 ? resolve(process.argv[reportAt + 1]) : undefined;
const folder = mkdtempSync(join(tmpdir(), "quern-smoke-"));
const model = join(root, "models/fable-mixtral");
let passed = 0;
let failed = 0;

function check(title, work) {
  try {
    const found = work();
    if (found === false) throw new Error("does not hold");
    passed++;
    console.log(`ok ${title}`);
  } catch (error) {
    failed++;
    console.log(`FAILED ${title}: ${error.message}\n${error.stderr ?? ""}`);
  }
}
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 180_000 });

try {
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], root));
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tgz")),
  );
  check("the tarball is below 2 MB", () => statSync(tarball).size < 2e6);
  check("the tarball holds no source maps", () => !packed.files.some(({ path }) => path.endsWith(".map")));
  check("the tarball holds no weights", () => !packed.files.some(({ path }) => path.endsWith(".safetensors")));
  writeFileSync(join(folder, "package.json"), '{ "name": "smoke", "private": true }\n');
  check("npm installs it", () => void run("npm", ["install", "--no-audit", "--no-fund", tarball], folder));
  check("quern generate writes five tokens", () => {
    const text = run(
      "npx",
      ["quern", "generate", model, "--prompt", "Once upon a time", "--max-tokens", "5", "--ignore-eos", "--json"],
      folder,
    );
    const { ids, text: story } = JSON.parse(text);
    return ids.length === 5 && story.length > 0;
  });
  writeFileSync(
    join(folder, "use.mjs"),
    `import { loadModel } from "quern";
import { perplexity } from "quern/evaluate";
import { memoryOutput, quantize } from "quern/quantize";
import "quern/core";
import "quern/node";
const model = await loadModel(${JSON.stringify(model)});
let text = "";
for await (const piece of model.generate("One day", { maxTokens: 5, temperature: 0 })) text += piece.text;
const found = await perplexity(model, Array.from({ length: 64 }, (_, i) => i), { window: 32 });
const { written } = await quantize(model, { bits: 8, method: "rtn", clip: "none", output: memoryOutput() });
await model[Symbol.asyncDispose]();
if (!(written.trueBytes > 1e6)) throw new Error("nothing quantised");
console.log(JSON.stringify({ text, nll: found.nll }));`,
  );
  symlinkSync(join(root, "models"), join(folder, "models"));
  writeFileSync(
    join(folder, "story.mjs"),
    /^```js\n(.*?)^```$/ms.exec(readFileSync(join(root, "README.md"), "utf8"))[1],
  );
  check("README's first program tells a story", () => run(process.execPath, ["story.mjs"], folder).length > 80);
  check(
    "the library works from a script",
    () => JSON.parse(run(process.execPath, ["use.mjs"], folder)).text.length > 0,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (report !== undefined) writeFileSync(report, JSON.stringify({ passed, failed }));
console.log(`smoke: ${passed} checks passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
