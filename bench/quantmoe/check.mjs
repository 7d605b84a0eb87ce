// npm run study:check [-- NAME... --cells N --seed N]: computes cells of the committed results anew, three of them drawn at random, and compares every
// number. Without names it draws from all results whose configuration and inputs are here. Results under an earlier default of quantising, which
// their configuration makes no longer, are counted and passed over. A difference, or nothing to compare, ends it with status 1.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { differencesOf, drawCells } from "./check/compare-cells.mjs";
import { readResults } from "./study/files.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cells: { type: "string", default: "3" }, seed: { type: "string", default: String(Date.now() % 2 ** 31) } },
});

/** The configuration that made results of this name, if it is here with its models. */
function configOf(name) {
  const path = [`${name}.json`, `study/${name}.json`].map(at).find((file) => existsSync(file));
  if (path === undefined) return undefined;
  const { models } = JSON.parse(readFileSync(path, "utf8"));
  return models.every((model) => existsSync(join(path, "..", model.path))) ? path : undefined;
}

function quern(args) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [at("../../dist/cli/main.js"), ...args, "--json", "--quiet"],
    {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
    },
  );
  if (status !== 0) throw new Error(`quern ${args.join(" ")}: ended with status ${status}: ${stderr.trim()}`);
  return stdout;
}

const all = readdirSync(at("results")).filter((file) => file.endsWith(".jsonl"));
const names = positionals.length > 0 ? positionals : all.map((file) => file.slice(0, -".jsonl".length));
const found = names.map((name) => ({ name, config: configOf(name) })).filter(({ config }) => config !== undefined);
const results = found.flatMap(({ name, config }) => {
  const listed = quern(["sweep", config, "--dry-run"]).trim().split("\n");
  const keys = new Set(listed.map((line) => JSON.parse(line).key));
  const committed = readResults(name);
  const made = committed.filter(({ key }) => keys.has(key));
  if (made.length < committed.length)
    console.log(`${name}: ${committed.length - made.length} of ${committed.length} cells are of an earlier default`);
  return made.map((result) => ({ name, config, result }));
});
console.log(`${results.length} cells of ${found.map(({ name }) => name).join(", ")}; seed ${values.seed}`);

const cache = mkdtempSync(join(tmpdir(), "quern-study-check-"));
let failed = results.length === 0;
try {
  for (const { name, config, result } of drawCells(results, Number(values.cells), Number(values.seed))) {
    const told = `${name}: ${result.plan}, ${result.calibration ?? "float"}, seed ${result.seed}`;
    const again = JSON.parse(quern(["sweep", config, "--cell", result.key, "--cache", join(cache, name)]));
    const differences = differencesOf(result, again);
    failed ||= differences.length > 0;
    console.log(
      `${told}: ${differences.length === 0 ? "the same" : `differs in ${differences.slice(0, 5).join("; ")}`}`,
    );
  }
} finally {
  rmSync(cache, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
