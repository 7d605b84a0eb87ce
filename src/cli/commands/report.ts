/** `quern report`: writes the results of sweeps as one page of figures and tables. */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Command } from "commander";
import { FormatError } from "../../base/errors.ts";
import type { ResultFile } from "../../report/provenance.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { readTextInput } from "../input/text-input.ts";
import { exampleText } from "../options/common-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";
import { explainMissing } from "../session/optional-package.ts";

const PLOT = "@observablehq/plot";

interface Options {
  readonly output: string;
}

export function registerReport(program: Command, run: RunCommand): void {
  program
    .command("report")
    .description("Make one HTML file with the findings, figures and tables of a sweep's results. It needs no network.")
    .argument("<results...>", "JSON Lines files that a sweep wrote (or .gz of these)")
    .requiredOption("--output <path>", "file to write (.html)")
    .addHelpText(
      "after",
      exampleText("quern report bench/quantmoe/results/fable-mixtral.jsonl --output out/report.html"),
    )
    .action(run(report));
}

const report: Action<Options> = async (session, args, options) => {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { writeReport } = await import("../../report/report-page.ts").catch(explainMissing("report", PLOT));
  const [paths] = args as unknown as readonly [readonly string[]];
  await using _claim = await claimOutputs({ outputs: [options.output], inputs: paths });
  await using output = await nodeOutputFile(options.output, session.options);
  const files: ResultFile[] = [];
  for (const path of paths) files.push(await readResults(path, session.signal));
  if (files.every(({ cells }) => cells.length === 0))
    throw new FormatError(paths.join(", "), "found no line, expected at least one cell of a sweep");
  const { html, cells, models, comparisons } = await writeReport(files, session.signal);
  await output.write(new TextEncoder().encode(html));
  await output.commit();
  session.output.result(
    { output: options.output, cells, models, comparisons },
    () => `${options.output}: ${cells} cells of ${models} model${models === 1 ? "" : "s"}`,
  );
};

async function readResults(path: string, signal: AbortSignal): Promise<ResultFile> {
  const { readCells } = await import("../../report/results/read-cells.ts");
  const text = await readTextInput(path, signal);
  const hash = createHash("sha256").update(text).digest("hex");
  return { name: basename(path), hash, cells: readCells(text, path) };
}
