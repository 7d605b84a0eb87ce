// The engines of the bench with the names that reports use, and how each one is started.
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { startChromium } from "../hosts/chromium-host.mjs";
import { startProcess } from "../hosts/process-host.mjs";
import { NATIVE, QUERN_NODE, QUERN_PAGE, WLLAMA } from "./names.mjs";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Node 24, whose engine has relaxed SIMD: the one under ci/, or the one that runs this. */
export function benchNode() {
  const ofTests = `${ROOT}ci/node_modules/node24/bin/node`;
  return existsSync(ofTests) ? ofTests : process.execPath;
}

/** Native llama.cpp. `place` is { node, cores }. */
export const native = (place, options = {}) => ({
  name: NATIVE,
  start: () => startProcess({ ...place, engine: "engines/native.mjs" }),
  options,
});

/** A build of Quern in Node. */
export const quernNode = (place, dist, { name = QUERN_NODE, ...options } = {}) => ({
  name,
  start: () => startProcess({ ...place, engine: "engines/quern.mjs" }),
  options: { ...options, dist: pathToFileURL(dist).href, entry: "index.js" },
});

/** A build of Quern in a page. `place` is { command, cores }. */
export const quernPage = (place, dist) => ({
  name: QUERN_PAGE,
  start: () => startChromium({ ...place, engine: "quern", dist }),
  options: { dist: "/dist", entry: "web.js" },
});

/** wllama in a page. */
export const wllamaPage = (place) => ({
  name: WLLAMA,
  start: () => startChromium({ ...place, engine: "wllama" }),
  options: {},
  saysOnly: true,
});
