// Writes the API reference of all entries to build/api, from the docstrings, with typedoc. A warning is an error.
// It stands in ci/ with a TypeScript of its own, since typedoc reads no program of TypeScript 7.
import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Application } from "./node_modules/typedoc/dist/index.js";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
const sources = Object.values(exports)
  .map((entry) => entry.node?.default ?? entry.default)
  .filter((file) => file !== undefined)
  .map((file) => file.replace("./dist/", "src/").replace(/\.js$/, ".ts"));

const app = await Application.bootstrapWithPlugins({
  name: "Quern",
  entryPoints: sources,
  tsconfig: "tsconfig.json",
  out: "build/api",
  readme: "docs/library.md",
  // What an entry leads to without exporting it is shown too, so that no name is a dead end.
  plugin: [pathToFileURL("ci/node_modules/typedoc-plugin-missing-exports/index.js").href],
  disableSources: true,
  treatWarningsAsErrors: true,
  githubPages: false,
});
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
await app.generateOutputs(project);
const { errorCount, warningCount } = app.logger;
console.log(`API reference: ${sources.length} entries, ${errorCount} errors, ${warningCount} warnings, in build/api`);
process.exit(errorCount + warningCount === 0 ? 0 : 1);
