// npm run study:page [-- --output FILE]: makes the page of the study from whichever results are here, by default results/report.html. Of each model it takes the
// designed comparison (MODEL-score) where it has been run, otherwise that with calibration on stories (MODEL-stories-score), otherwise the first sweep (MODEL).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const MODELS = ["fable-mixtral", "fable-deepseek", "smol-moe"];

const { values } = parseArgs({ options: { output: { type: "string", default: at("results/report.html") } } });
const results = MODELS.flatMap((model) =>
  [`${model}-score`, `${model}-stories-score`, model]
    .map((name) => at(`results/${name}.jsonl`))
    .filter(existsSync)
    .slice(0, 1),
);
const command = [at("../../dist/cli/main.js"), "report", ...results, "--output", values.output, "--force"];
process.exitCode = spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
