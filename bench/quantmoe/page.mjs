// npm run study:page [-- --output FILE]: makes the page of the study from whichever results are here, by default results/report.html. Of each model it takes the
// designed comparison (MODEL-score) where all of it but random plans has been run, otherwise that with calibration on stories (MODEL-stories-score), otherwise the first sweep (MODEL).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readDocument, readResults } from "./study/files.mjs";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const MODELS = ["fable-mixtral", "fable-deepseek", "smol-moe"];

/** Whether the results of a designed comparison have each plan on each draw; random plans may still be missing. */
function isWhole(name) {
  const { plans, calibration } = readDocument(`${name}.json`);
  const found = new Set(readResults(name).map((cell) => `${cell.plan} on ${cell.calibration}`));
  return plans.every(
    ({ name: plan, strategy }) =>
      strategy === "random" || calibration.every((draw) => found.has(`${plan} on ${draw.name}`)),
  );
}

const { values } = parseArgs({ options: { output: { type: "string", default: at("results/report.html") } } });
const results = MODELS.flatMap((model) =>
  [`${model}-score`, `${model}-stories-score`, model]
    .filter((name) => existsSync(at(`results/${name}.jsonl`)) && (name !== `${model}-score` || isWhole(name)))
    .map((name) => at(`results/${name}.jsonl`))
    .slice(0, 1),
);
const command = [at("../../dist/cli/main.js"), "report", ...results, "--output", values.output, "--force"];
process.exitCode = spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
