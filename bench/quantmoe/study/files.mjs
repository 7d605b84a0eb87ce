// Files of the study: documents in this folder, results of its sweeps beside those of the other sweeps.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A path relative to this folder. */
export function at(path) {
  return fileURLToPath(new URL(path, import.meta.url));
}

export function readDocument(name) {
  return JSON.parse(readFileSync(at(name), "utf8"));
}

/** Writes an object of lists with one line for each item, so that a change of one item is a change of one line. */
export function writeDocument(name, value) {
  const list = (items) => `[\n${items.map((item) => `    ${JSON.stringify(item)}`).join(",\n")}\n  ]`;
  const fields = Object.entries(value).map(
    ([key, field]) => `  ${JSON.stringify(key)}: ${Array.isArray(field) ? list(field) : JSON.stringify(field)}`,
  );
  writeFileSync(at(name), `{\n${fields.join(",\n")}\n}\n`);
}

/** Lines of a sweep's results. */
export function readResults(name) {
  return readFileSync(at(`../results/${name}.jsonl`), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
