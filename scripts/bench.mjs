// `npm run bench -- NAME [arguments]`: runs bench/NAME.ts. The benchmarks are TypeScript that Node strips itself, and measure the
// relaxed build: they want the Node 24 under ci/, which is installed when missing, or a Node >= 22.18 that runs this script.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const CI_NODE = "ci/node_modules/node24/bin/node";
const [name, ...rest] = process.argv.slice(2);

/** Files of bench/ that can be run say so where their comment begins; the others are parts. */
const isBenchmark = (file) =>
  /^\/\*\*\s+(?:\* )?`npm run bench -- ([\w-]+)`/.exec(readFileSync(`bench/${file}`, "utf8"))?.[1] ===
  file.slice(0, -3);
const names = readdirSync("bench")
  .filter((file) => file.endsWith(".ts") && isBenchmark(file))
  .map((file) => file.slice(0, -3));

function stop(message) {
  console.error(`bench: ${message}`);
  process.exit(2);
}

/** Runs a command with its output on stderr, so that `--json` stays clean. */
const prepare = (command, args) => spawnSync(command, args, { stdio: ["ignore", 2, 2] }).status === 0;

function runtime() {
  if (existsSync(CI_NODE)) return CI_NODE;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  console.error("bench: installing the runtimes of ci/ (Node 24)");
  if (prepare("npm", ["ci", "--prefix", "ci"]) && existsSync(CI_NODE)) return CI_NODE;
  return stop(
    `found Node ${process.versions.node} and no ${CI_NODE}, expected Node >= 22.18 or a working "npm ci --prefix ci"`,
  );
}

if (!names.includes(name))
  stop(`found ${name === undefined ? "no name" : `"${name}"`}, expected one of ${names.join(", ")}`);
const node = runtime();
if (!prepare(process.execPath, ["scripts/build.mjs", "--kernels"])) stop("the kernels do not build");
process.exit(spawnSync(node, [`bench/${name}.ts`, ...rest], { stdio: "inherit" }).status ?? 1);
