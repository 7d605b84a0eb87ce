// Runs a worker's `test` in workerd: its scripts bundled as edge hosts bundle them, the kernels and other files as modules beside them.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./install-packed.mjs";
import { build } from "./node_modules/esbuild/lib/main.js";

export const WORKERD = fileURLToPath(new URL("node_modules/@cloudflare/workerd-linux-64/bin/workerd", import.meta.url));

/**
 * @param entry the worker's script.
 * @param out a folder for the bundle; `files` of it are modules `model/NAME`.
 * @param folder what the worker may read through its binding `repository`, if given. It may send itself requests through `self`.
 * @returns what it prints.
 */
export async function runInWorkerd(entry, out, { files = [], folder, cwd } = {}) {
  mkdirSync(out, { recursive: true });
  await build({
    ...{ entryPoints: [entry], outfile: join(out, "worker.js"), bundle: true, format: "esm", conditions: ["workerd"] },
    ...{ external: ["model/*"], loader: { ".wasm": "copy" }, assetNames: "[name]", absWorkingDir: cwd },
  });
  const modules = [
    '(name = "worker.js", esModule = embed "worker.js")',
    '(name = "base.wasm", wasm = embed "base.wasm")',
    ...files.map((name) => `(name = "model/${name}", data = embed "${name}")`),
  ];
  const bindings = ['(name = "self", service = "main")'];
  if (folder !== undefined) bindings.push('(name = "repository", service = "repository")');
  const service = folder === undefined ? "" : `, (name = "repository", disk = (path = "${folder}"))`;
  writeFileSync(
    join(out, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (services = [(name = "main", worker = (
  modules = [${modules.join(", ")}], bindings = [${bindings.join(", ")}], compatibilityDate = "2026-10-01"))${service}]);`,
  );
  return run(WORKERD, ["test", "config.capnp"], out);
}
