// Bundles src/ to dist/ with Rolldown: a few files, since a runtime looks up, reads and compiles each file that it imports.
// `node scripts/bundle.mjs SOURCE FILE` bundles one module of src to a file, for programs that need what the package does not export.
import { basename, dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { rolldown } from "rolldown";

/**
 * Entries, by the chunk of what they import at once. A module goes to the chunk of the first that needs it, so that entries share what they have
 * in common. Nothing goes to the program's own file: it waits for commands, and a command that imported it would wait for it.
 */
const ENTRIES = {
  ...{ core: "core", web: "web", library: "index" },
  // `node` comes after what pages import too: a chunk of its modules needs a file system.
  ...{ evaluate: "evaluate", quantize: "quantize", bench: "bench", node: "node", program: "cli/main" },
};

/** Whether an import is a package or a module of the runtime. */
const isForeign = (id) => /^(?:node:|@?[a-z][\w-]+(?:\/|$))/.test(id) && !id.startsWith("@oxc-project/");

/** What all builds have in common. Names stay, so that stack traces can be read. */
const FORM = { format: "esm", comments: false, minify: { compress: false, mangle: false, codegen: true } };
/** Older versions of Node lack newer syntax, such as `using`. */
const BUILD = { external: isForeign, platform: "neutral", logLevel: "silent", transform: { target: "es2022" } };

/** Writes the scripts of all entries to `folder`. */
export async function bundleLibrary(folder) {
  const chunks = new Map();
  const build = await rolldown({
    ...BUILD,
    input: Object.fromEntries(Object.values(ENTRIES).map((entry) => [entry, `src/${entry}.ts`])),
    preserveEntrySignatures: "allow-extension",
    treeshake: { moduleSideEffects: (id) => id.endsWith("cli/main.ts") },
    plugins: [{ name: "chunks", buildEnd: findChunks(chunks) }],
  });
  await build.write({
    ...FORM,
    dir: folder,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ name: (id) => chunks.get(id) ?? null, debugName: "entries" }],
    },
  });
  await build.close();
}

/** Entries that load models anywhere. What they import on demand needs nothing of the other entries, so no chunk of those may hold a part of it. */
const LOADERS = new Set(["core", "web"]);

/** Fills `chunks` with the chunk of every module that an entry imports at once. The bundler parts what is imported on demand. */
function findChunks(chunks) {
  return function () {
    const ids = [...this.getModuleIds()];
    const later = [];
    const visit = (id, chunk) => {
      if (chunks.has(id) || isForeign(id)) return;
      chunks.set(id, chunk);
      const { importedIds, dynamicallyImportedIds } = this.getModuleInfo(id);
      if (chunk === null || LOADERS.has(chunk)) later.push(...dynamicallyImportedIds);
      for (const next of importedIds) visit(next, chunk);
    };
    for (const [chunk, entry] of Object.entries(ENTRIES)) {
      if (!LOADERS.has(chunk)) while (later.length > 0) visit(later.pop(), null);
      const id = ids.find((each) => each === resolve(`src/${entry}.ts`));
      for (const start of chunk === "program" ? this.getModuleInfo(id).importedIds : [id]) visit(start, chunk);
    }
  };
}

/** Bundles one module of src to a file, with all that it needs of src. */
export async function bundleModule(source, file) {
  const build = await rolldown({ ...BUILD, input: source });
  await build.write({ ...FORM, dir: dirname(file), entryFileNames: basename(file), codeSplitting: false });
  await build.close();
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await bundleModule(process.argv[2], process.argv[3]);
