// Writes what config.capnp embeds into build/: the model with 4 bits, and the worker as one script. `node build.mjs MODEL` takes any float model.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { loadModel } from "quern";
import { nodeOutput } from "quern/node";
import { quantize } from "quern/quantize";

const pathOf = (name) => fileURLToPath(new URL(name, import.meta.url));
const [source = "models/fable-mixtral"] = process.argv.slice(2);

const model = await loadModel(source);
try {
  const output = await nodeOutput(pathOf("build/model"), { force: true });
  const { written } = await quantize(model, { bits: 4, self: { samples: 8 }, output });
  console.log(`the model has ${written.trueBytes} bytes`);
} finally {
  await model[Symbol.asyncDispose]();
}

await build({
  entryPoints: [pathOf("worker.mjs")],
  outfile: pathOf("build/worker.js"),
  bundle: true,
  minify: true,
  format: "esm",
  // Edges compile no WebAssembly: with this condition the package imports its kernels as a module, which is copied.
  conditions: ["workerd"],
  loader: { ".wasm": "copy" },
  assetNames: "[name]",
  external: ["model/*"],
});
