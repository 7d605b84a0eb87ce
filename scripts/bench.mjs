// Runs bench/<name>.ts, arguments passed on. The benchmarks are TypeScript and measure the relaxed build, so they need Node >= 22.18:
// the one under ci/ when it is installed, else this one when it is new enough.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const names = existsSync("bench")
  ? readdirSync("bench")
      .filter((file) => file.endsWith(".ts"))
      .map((file) => file.slice(0, -3))
  : [];
const [name, ...rest] = process.argv.slice(2);
const CI_NODE = "ci/node_modules/node24/bin/node";

function runtime() {
  if (existsSync(CI_NODE)) return CI_NODE;
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  console.error(
    `bench: found Node ${process.versions.node}, expected >= 22.18; "npm ci --prefix ci" installs one under ci/`,
  );
  process.exit(2);
}

if (name === undefined || !existsSync(`bench/${name}.ts`)) {
  console.error(`bench: found ${name === undefined ? "no name" : `"${name}"`}, expected one of ${names.join(", ")}`);
  process.exit(2);
}
const node = runtime();
execKernels();
const run = spawnSync(node, [`bench/${name}.ts`, ...rest], { stdio: "inherit" });
process.exit(run.status ?? 1);

function execKernels() {
  const built = spawnSync(process.execPath, ["scripts/build.mjs", "--kernels"], { stdio: ["ignore", 2, 2] });
  if (built.status !== 0) process.exit(built.status ?? 1);
}
