// An engine in a worker of real browsers, with memory that is shared and without: a page loads a model from an address, stores it, opens it from the
// storage, writes, quantises, measures and deletes. The page's own thread only talks to the worker.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Checks } from "./install-packed.mjs";
import * as esbuild from "./node_modules/esbuild/lib/main.js";
import { hasBrowser, openPage } from "./page.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const golden = JSON.parse(readFileSync(join(root, "ci/golden.json"), "utf8"));

const WORKER = `import { serve } from "./engine.js";
serve();
`;
const PAGE = `import { connect } from "./engine.js";
const BENCH = { prompt: [8], generate: [4], depth: [0], repeat: 1, matrix: 0, streamBytes: 2 ** 20 };
async function written(model) {
  const pieces = [];
  for await (const piece of model.generate("One day", { maxTokens: 8, temperature: 0, routes: true })) pieces.push(piece);
  return { text: pieces.map(({ text }) => text).join(""), routed: pieces.filter(({ routes }) => routes.length > 0).length };
}
async function use() {
  const engine = connect(new Worker("worker.js", { type: "module" }));
  const { storage, sharedMemory, lacks } = await engine.facts();
  const phases = new Set();
  const onProgress = ({ phase }) => phases.add(phase);
  const far = await engine.load(new URL("/model/", location.href), { storeAs: "fable", onProgress });
  const first = await written(far);
  await far[Symbol.asyncDispose]();
  const [stored] = await engine.stored();
  const model = await engine.load({ stored: "fable" });
  const again = await written(model);
  const { hash } = await model.bench(BENCH);
  const small = await model.quantize({ bits: 4, self: { samples: 2, length: 48 }, onProgress });
  const { kl } = await small.compare(model, { self: { samples: 1, length: 32 } });
  const file = await small.file("model.safetensors");
  const controller = new AbortController();
  const long = small.generate("One day", { maxTokens: 400, ignoreEos: true, signal: controller.signal });
  await long.next();
  controller.abort();
  const ended = await (async () => { for await (const _ of long); })().catch(({ name }) => name);
  const error = await engine.load({ "config.json": new Blob(["{"]) }).catch(({ constructor, code }) => code + (constructor === Error));
  await engine.discard("fable");
  return {
    ...{ storage, sharedMemory, lacks: lacks.length, whole: stored.whole && stored.bytes > 1e6, hash, ended, error },
    ...{ left: (await engine.stored()).length, same: first.text === again.text && first.text !== "", routed: again.routed },
    ...{ quantised: kl.mean > 0 && kl.mean < 0.1 && file.size < stored.bytes, told: ["store", "quantize"].every((phase) => phases.has(phase)) },
  };
}
use().then((found) => fetch("/done", { method: "POST", body: JSON.stringify(found) }),
  (error) => fetch("/done", { method: "POST", body: String(error.stack) }));
`;

const expected = (isolated) => ({
  ...{
    storage: "opfs",
    sharedMemory: isolated,
    lacks: isolated ? 0 : 1,
    whole: true,
    hash: golden["fable-mixtral f32 logits"],
  },
  ...{ ended: "AbortError", error: "FORMATfalse", left: 0, same: true, routed: 7, quantised: true, told: true },
});

const checks = new Checks("worker");
const folder = mkdtempSync(join(tmpdir(), "quern-worker-"));
try {
  const page = join(folder, "page");
  mkdirSync(page);
  const engine = { engine: join(root, "src/worker.ts") };
  await esbuild.build({
    entryPoints: engine,
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: page,
    minify: true,
  });
  console.log(`a page's side of the worker: ${statSync(join(page, "engine.js")).size} bytes`);
  writeFileSync(join(page, "worker.js"), WORKER);
  writeFileSync(join(page, "page.js"), PAGE);
  writeFileSync(
    join(page, "index.html"),
    '<!doctype html>\n<title>quern</title>\n<script type="module" src="page.js"></script>\n',
  );
  for (const browser of ["chromium", "firefox"].filter(hasBrowser))
    for (const isolated of [true, false])
      await checks.check(`${browser}${isolated ? ", isolated" : ""}: a page and its worker`, async () => {
        const found = await openPage({ page, model: join(root, "models/fable-mixtral") }, "page/index.html", {
          browser,
          isolated,
        });
        if (found !== JSON.stringify(expected(isolated)))
          throw new Error(`found ${found}, expected ${JSON.stringify(expected(isolated))}`);
      });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
checks.end();
