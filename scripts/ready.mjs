// Makes a checkout ready to run: installs what the lock file names, builds what changed. Quick when there is nothing to do.
import { execFileSync, execSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fingerprint, isFresh } from "./fingerprint.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const lock = fingerprint(["package-lock.json"]);
const complete = existsSync("node_modules/assemblyscript") && existsSync("node_modules/typescript");
if (!complete || (existsSync("node_modules/.quern-lock") && !isFresh("node_modules/.quern-lock", lock))) {
  console.error("installing dependencies (npm ci)");
  execSync("npm ci --no-audit --no-fund", { stdio: ["ignore", 2, 2] });
}
if (!isFresh("node_modules/.quern-lock", lock)) writeFileSync("node_modules/.quern-lock", lock);
execFileSync(process.execPath, ["scripts/build.mjs"], { stdio: ["ignore", 2, 2] });
