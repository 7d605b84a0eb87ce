// Bundles a page that uses the packed package with esbuild, Vite and webpack, none of them configured, and serves one with an import map.
// Where Chromium is installed, each page opens a model and writes a text.
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Checks, installPacked } from "./install-packed.mjs";
import * as esbuild from "./node_modules/esbuild/lib/main.js";
import * as vite from "./node_modules/vite/dist/node/index.js";
import webpack from "./node_modules/webpack/lib/index.js";
import { hasBrowser, openPage } from "./page.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const golden = JSON.parse(readFileSync(join(root, "ci/golden.json"), "utf8"));

/** Loads a model from files that it fetches, and sends its hash and the name of an error that a bad file gives. */
const PAGE = `import { loadModel } from "quern";
import { logitsHash } from "quern/bench";
import { perplexity } from "quern/evaluate";
import { cutWindows } from "quern/quantize";
import "quern/core";
const names = ["config.json", "model.safetensors", "tokenizer.json"];
async function use() {
  const blobs = names.map(async (name) => [name, await (await fetch("/model/" + name)).blob()]);
  const files = Object.fromEntries(await Promise.all(blobs));
  const model = await loadModel(files);
  const text = [];
  for await (const piece of model.generate("One day", { maxTokens: 8, temperature: 0 })) text.push(piece.text);
  const { nll } = await perplexity(model, [1, 2, 3, 4, 5, 6, 7, 8], { window: 4 });
  const hash = await logitsHash(model);
  await model[Symbol.asyncDispose]();
  const error = await loadModel({ ...files, "config.json": new Blob(["{"]) }).catch((error) => error.name);
  return { hash, error, whole: text.length > 0 && nll > 0 && typeof cutWindows === "function" };
}
use().then((found) => fetch("/done", { method: "POST", body: JSON.stringify(found) }),
  (error) => fetch("/done", { method: "POST", body: String(error.stack) }));
`;
const EXPECTED = { hash: golden["fable-mixtral f32 logits"], error: "FormatError", whole: true };

const html = (script, head = "") =>
  `<!doctype html>\n<title>quern</title>\n${head}<script type="module" src="${script}"></script>\n`;

const BUILDS = {
  async esbuild(from, to) {
    await esbuild.build({
      ...{ entryPoints: [join(from, "page.js")], bundle: true, format: "esm", outdir: to, minify: true },
      ...{ absWorkingDir: from, logLevel: "silent" },
    });
    writeFileSync(join(to, "index.html"), html("page.js"));
  },
  async vite(from, to) {
    await vite.build({ root: from, base: "./", build: { outDir: to }, configFile: false, logLevel: "error" });
  },
  async webpack(from, to) {
    const compiler = webpack({ mode: "production", context: from, entry: "./page.js", output: { path: to } });
    const stats = await new Promise((resolve, reject) =>
      compiler.run((error, found) => (error === null ? resolve(found) : reject(error))),
    );
    if (stats.hasErrors()) throw new Error(stats.toString("errors-only"));
    writeFileSync(join(to, "index.html"), html("main.js"));
  },
  /** No bundler: the page says where the package and the packages that it asks for are. */
  async "import map"(_, to) {
    const at = "../modules";
    const quern = (name) => `${at}/quern/dist/${name}.js`;
    const imports = {
      ...{ quern: quern("web"), "quern/core": quern("core"), "quern/quantize": quern("quantize") },
      ...{ "quern/evaluate": quern("evaluate"), "quern/bench": quern("bench") },
      "@assemblyscript/loader": `${at}/@assemblyscript/loader/index.js`,
      "@huggingface/jinja": `${at}/@huggingface/jinja/dist/index.js`,
      "@huggingface/tokenizers": `${at}/@huggingface/tokenizers/dist/tokenizers.mjs`,
    };
    writeFileSync(join(to, "page.js"), PAGE);
    const map = `<script type="importmap">${JSON.stringify({ imports })}</script>\n`;
    writeFileSync(join(to, "index.html"), html("page.js", map));
  },
};

/** The page that docs/getting-started.md prints, in a folder that looks like a checkout. It sends the text that it shows. */
async function openPrintedPage() {
  const to = join(folder, "built/printed");
  mkdirSync(to, { recursive: true });
  for (const name of ["dist", "models", "node_modules"]) symlinkSync(join(root, name), join(to, name));
  const [, page] = /^```html\n(.+?)^```$/ms.exec(readFileSync(join(root, "docs/getting-started.md"), "utf8"));
  const send = 'await fetch("/done", { method: "POST", body: story.textContent });\n</script>\n';
  writeFileSync(join(to, "index.html"), page.replace(/<\/script>\s*$/, send));
  return openPage({ printed: to }, "printed/index.html");
}

const checks = new Checks("bundlers");
const { folder } = installPacked();
try {
  writeFileSync(join(folder, "page.js"), PAGE);
  writeFileSync(join(folder, "index.html"), html("page.js"));
  const folders = { model: join(root, "models/fable-mixtral"), modules: join(folder, "node_modules") };
  for (const [name, build] of Object.entries(BUILDS)) {
    const to = join(folder, "built", name.replace(" ", "-"));
    folders[name.replace(" ", "-")] = to;
    mkdirSync(to, { recursive: true });
    await checks.check(`${name}: the page is built, and nothing of Node is in it`, async () => {
      await build(folder, to);
      const scripts = readdirSync(to, { recursive: true }).filter((file) => file.endsWith(".js"));
      const foreign = scripts.filter((file) =>
        /(?:from|import\(?)\s*["'`]node:/.test(readFileSync(join(to, file), "utf8")),
      );
      return scripts.length > 0 && foreign.length === 0;
    });
    if (hasBrowser("chromium"))
      await checks.check(`${name}: the page runs in Chromium, with the bits of all runtimes`, async () => {
        const found = await openPage(folders, `${name.replace(" ", "-")}/index.html`);
        if (found !== JSON.stringify(EXPECTED)) throw new Error(`found ${found}`);
      });
  }
  if (hasBrowser("chromium"))
    await checks.check(
      "the page of docs/getting-started.md tells a story",
      async () => (await openPrintedPage()).length > 100,
    );
  if (!hasBrowser("chromium")) console.log("Chromium is not installed, so the pages were built and not opened.");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
checks.end();
