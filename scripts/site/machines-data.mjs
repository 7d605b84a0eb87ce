// Reads the stored benchmarks of bench/machines, which the page shows beside what it measures.
import { existsSync, readdirSync, readFileSync } from "node:fs";

const FOLDER = "bench/machines";

export function machinesData() {
  const files = existsSync(FOLDER)
    ? readdirSync(FOLDER)
        .filter((name) => name.endsWith(".json"))
        .sort()
    : [];
  const golden = JSON.parse(readFileSync("ci/golden.json", "utf8"));
  return { golden, machines: files.map((name) => JSON.parse(readFileSync(`${FOLDER}/${name}`, "utf8"))) };
}
