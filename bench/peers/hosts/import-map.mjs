// An import map for pages that run a built Quern without a bundler: the modules of its packages for browsers.
import { readFileSync } from "node:fs";
import { posix } from "node:path";

/** Conditions of a browser, in which exports are taken in the order of the file. */
const CONDITIONS = ["browser", "import", "default"];

function chosen(target) {
  if (typeof target === "string") return target;
  const key = Object.keys(target).find((name) => CONDITIONS.includes(name));
  return key === undefined ? undefined : chosen(target[key]);
}

/** The module that a browser takes for the package itself, relative to the package, or undefined. */
export function browserEntry({ exports, module, main }) {
  const own = exports?.["."] ?? exports;
  return own === undefined ? (module ?? main) : chosen(own);
}

/** @returns the import map of the packages that `root`/package.json depends on, served under `base`. */
export function importMap(root, base) {
  const { dependencies } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));
  const entries = Object.keys(dependencies).map((name) => {
    const entry = browserEntry(JSON.parse(readFileSync(`${root}/node_modules/${name}/package.json`, "utf8")));
    return [name, entry === undefined ? undefined : posix.join(base, name, entry)];
  });
  return { imports: Object.fromEntries(entries.filter(([, address]) => address !== undefined)) };
}
