// Reads the stored benchmarks of bench/machines, which the page shows beside what it measures.
import { readdirSync, readFileSync } from "node:fs";

const FOLDER = "bench/machines";

/** @throws Error for a report whose hash is not the golden one: the page says that all machines found it. */
export function machinesData() {
  const golden = JSON.parse(readFileSync("ci/golden.json", "utf8"));
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));
  const machines = names.sort().map((name) => {
    const report = JSON.parse(readFileSync(`${FOLDER}/${name}`, "utf8"));
    const expected = golden[`${report.model.name.split("/").at(-1)} ${report.engine.activations} logits`];
    if (report.hash !== expected)
      throw new Error(`${FOLDER}/${name}: found the hash ${report.hash}, expected ${expected}`);
    return report;
  });
  return { golden, machines };
}
