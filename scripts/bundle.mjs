// Bundles src/ to dist/ with Rolldown: a few files, since a runtime looks up, reads and compiles each file that it imports.
// `node scripts/bundle.mjs SOURCE FILE` bundles one module of src to a file, for programs that need what the package does not export.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, posix, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { minify } from "@swc/core";
import { rolldown } from "rolldown";
import { esmExternalRequirePlugin } from "rolldown/plugins";
import { minifySync } from "rolldown/utils";
import { withArrows } from "./arrows.mjs";
import { smallPageTexts } from "./page-text.mjs";
import { withSharedValues } from "./shared-values.mjs";

/**
 * Entries, by the chunk of what they import at once. A module goes to the chunk of the first that needs it, so that entries share what they have
 * in common. Nothing goes to the program's own file: it waits for commands, and a command that imported it would wait for it.
 */
const ENTRIES = {
  ...{ core: "core", web: "web", workerd: "workerd", library: "index" },
  // `node` comes after what pages import too: a chunk of its modules needs a file system.
  ...{
    evaluate: "evaluate",
    quantize: "quantize",
    bench: "bench",
    worker: "worker",
    node: "node",
    program: "cli/main",
  },
};
/** What several entries have in common besides. It is small, and a file of its own would take longer. */
const COMMON = ["runtime/load/load-given", "files/output", "text/parts/python-text", "report/results/cell-line"];

const root = fileURLToPath(new URL("..", import.meta.url));
const { dependencies, peerDependencies } = JSON.parse(readFileSync(resolve(root, "package.json"), "utf8"));
const INSTALLED = Object.keys({ ...dependencies, ...peerDependencies });

/** Whether an import is a module of the runtime, a package that npm installs beside this one, or a module of kernels. Other packages are bundled. */
const isForeign = (id) =>
  id.startsWith("node:") || id.endsWith(".wasm") || INSTALLED.some((name) => id === name || id.startsWith(`${name}/`));

/** What all builds have in common. Names of functions are shortened too: they take 60 KB. */
const FORM = { format: "esm", comments: false, minify: true };
/** Older versions of Node lack newer syntax, such as `using`. */
const BUILD = {
  ...{ external: isForeign, platform: "neutral", logLevel: "silent", transform: { target: "es2022" } },
  ...{ resolve: { mainFields: ["module", "main"] }, cwd: root },
};

/** Writes the scripts of all entries to `folder`. @returns the folders of the packages that they contain. */
export async function bundleLibrary(folder) {
  const chunks = new Map();
  const build = await rolldown({
    ...BUILD,
    input: Object.fromEntries(Object.values(ENTRIES).map((entry) => [entry, `src/${entry}.ts`])),
    preserveEntrySignatures: "allow-extension",
    treeshake: { moduleSideEffects: (id) => id.endsWith("cli/main.ts") || id.includes("/commander/") },
    plugins: [
      esmExternalRequirePlugin({ external: [/^node:/] }),
      { name: "chunks", resolveId: placeKernels, buildEnd: findChunks(chunks) },
      smallPageTexts,
    ],
  });
  const { output } = await build.generate({
    ...FORM,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: (id) => chunks.get(id) ?? (isHelper(id) ? "core" : null), debugName: "entries" }],
    },
  });
  await build.close();
  for (const [fileName, code] of withoutFacades(output)) await writeSmall(resolve(folder, fileName), code);
  const modules = output.flatMap((file) => Object.keys(file.modules ?? {}));
  return new Set(modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id) ?? []));
}

/** `{ a: b, c } = await import(FILE)` and `import(FILE)`, as the bundler writes them. */
const ON_DEMAND = /(?:\{([\w$:,]+)\}=await )?\bimport\(("|`)(\.\.?\/[^"`]+)\2\)/g;

/**
 * The scripts by name. A module that is imported on demand and lies in the chunk of an entry gets a file of its own from the bundler, which only names
 * what it takes of that chunk: one more file to look up and read. Where that is no longer, the import takes it from the chunk itself.
 */
function withoutFacades(output) {
  const facades = new Map(output.flatMap((file) => facadeOf(file) ?? []));
  const longer = new Map();
  const direct = ({ fileName, code }) =>
    code.replace(ON_DEMAND, (use, pattern, _, path) => {
      const file = posix.join(posix.dirname(fileName), path);
      const facade = facades.get(file);
      if (facade === undefined) return use;
      const taken = directUse(pattern, facade, posix.relative(posix.dirname(fileName), facade.from));
      longer.set(file, (longer.get(file) ?? 0) + taken.length - use.length);
      return taken;
    });
  for (const file of output) direct(file);
  for (const { fileName, code } of output) if ((longer.get(fileName) ?? 0) >= code.length) facades.delete(fileName);
  return output.filter(({ fileName }) => !facades.has(fileName)).map((file) => [file.fileName, direct(file)]);
}

/** The file of a script that only names what it takes of another one: that one, and its name for each of the names. */
function facadeOf({ fileName, code, isEntry }) {
  const found = isEntry ? null : /^export\{([^{}]*)\}from"(\.\/[^"]+)";?\s*$/.exec(code);
  if (found === null) return undefined;
  const fields = found[1].split(",").map((part) => part.split(" as "));
  const names = new Map(fields.map(([theirs, ours = theirs]) => [ours, theirs]));
  return [[fileName, { from: posix.join(posix.dirname(fileName), found[2]), names }]];
}

/** An import on demand that takes what it needs from the script itself. */
function directUse(pattern, { names }, path) {
  const from = path.startsWith(".") ? path : `./${path}`;
  if (pattern === undefined) {
    const fields = [...names].map(([ours, theirs]) => `${ours}:e.${theirs}`);
    return `import("${from}").then(e=>({${fields.join()}}))`;
  }
  const taken = pattern.split(",").map((part) => {
    const [ours, local = ours] = part.split(":");
    if (!names.has(ours)) throw new Error(`${from}: found no name for ${ours}, expected one of ${[...names.keys()]}`);
    return `${names.get(ours)}:${local}`;
  });
  return `{${taken.join()}}=await import("${from}")`;
}

/** Short names for what is declared after minifying, and nothing else, which would put values back where their variables are. */
const NAMES = { module: true, compress: false, mangle: true, codegen: { removeWhitespace: true } };

/** Minifies a script once more, by inlining what the bundler leaves: 16 KB. Functions become arrows where they are values. */
async function writeSmall(file, script) {
  const compress = { passes: 3, ecma: 2022, unsafe_arrows: true };
  const { code } = await minify(withArrows(script), { module: true, ecma: 2022, compress, mangle: true });
  mkdirSync(dirname(file), { recursive: true });
  const { code: short } = minifySync(file, withSharedValues(code), NAMES);
  // Tools that only look for imports find those whose specifier is in quotes.
  writeFileSync(file, short.replace(/\bimport\(`([^`$]+)`\)/g, 'import("$1")'));
}

/** What the bundler adds: for syntax that older versions of Node lack, and for modules as objects. */
const isHelper = (id) => /^\0(?:@oxc-project|rolldown)/.test(id);

/** Chunks are in a folder of their own, beside that of the kernels. */
const placeKernels = (id) => (id.endsWith(".wasm") ? { id: `../wasm/${basename(id)}`, external: true } : null);

/** Entries that load models anywhere. What they import on demand needs nothing of the other entries, so no chunk of those may hold a part of it. */
const LOADERS = new Set(["core", "web", "workerd"]);

/** What models in GPTQ need besides is one chunk, though `quantize` needs a part of it alone: most models that are loaded need all. */
const GPTQ = /\/src\/format\/(?:gptq\/|codecs\/gptq-)/;

/** Fills `chunks` with the chunk of every module that an entry imports at once. The bundler parts what is imported on demand. */
function findChunks(chunks) {
  return function () {
    const later = [];
    const visit = (id, chunk) => {
      if (chunks.has(id) || isForeign(id) || id.startsWith("\0")) return;
      chunks.set(id, chunk === null && GPTQ.test(id) ? "gptq" : chunk);
      const { importedIds, dynamicallyImportedIds } = this.getModuleInfo(id);
      if (chunk === null || LOADERS.has(chunk)) later.push(...dynamicallyImportedIds);
      for (const next of importedIds) visit(next, chunk);
    };
    for (const [chunk, entry] of Object.entries(ENTRIES)) {
      if (!LOADERS.has(chunk)) while (later.length > 0) visit(later.pop(), null);
      const id = resolve(root, `src/${entry}.ts`);
      for (const start of chunk === "program" ? this.getModuleInfo(id).importedIds : [id]) visit(start, chunk);
      if (chunk === "core") for (const module of COMMON) visit(resolve(root, `src/${module}.ts`), chunk);
    }
  };
}

/** Bundles one module of src to a file, with all that it needs of src. */
export async function bundleModule(source, file) {
  const build = await rolldown({ ...BUILD, input: source });
  await build.write({ ...FORM, dir: dirname(file), entryFileNames: basename(file), codeSplitting: false });
  await build.close();
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href)
  await bundleModule(process.argv[2], process.argv[3]);
