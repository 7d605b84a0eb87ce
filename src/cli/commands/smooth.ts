/** `quern smooth`: writes a float folder of the same model with activations that are easier to round. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { SmoothedSite, SmoothOptions } from "../../compress/smooth/smooth-model.ts";
import { addCalibrationOptions, type CalibrationOptions, givesCalibration } from "../input/calibration-input.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import {
  addStudyOption,
  exampleText,
  integerIn,
  MODEL_SOURCES,
  numberIn,
  oneOf,
  type StudyOption,
} from "../options/common-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options extends CalibrationOptions {
  readonly output: string;
  readonly alpha: "search" | number;
  readonly studyActivations?: StudyOption;
  readonly weightBits: "2" | "3" | "4" | "8" | "16";
  readonly weightGroup: number;
}

const ALPHA = numberIn("--alpha", { from: 0, to: 1 });

export function registerSmooth(program: Command, run: RunCommand): void {
  const command = program
    .command("smooth")
    .description("Move the difficulty of rounding activations into the weights (SmoothQuant); writes a float folder.")
    .argument("<model>", `float model: ${MODEL_SOURCES}`)
    .requiredOption("--output <dir>", "folder to write");
  addCalibrationOptions(command, "--calibration").option(
    "--alpha <search|number>",
    "how much of the difficulty to move, from 0 to 1; search: the value that gives each group of linears the least error",
    (text) => (text === "search" ? text : ALPHA(text)),
    "search",
  );
  addStudyOption(command, "rounding of inputs in the search (default: int8/token)")
    .option(
      "--weight-bits <2|3|4|8|16>",
      "bits that the search rounds weights to; 16 keeps them float",
      oneOf("--weight-bits", ["2", "3", "4", "8", "16"]),
      "16",
    )
    .option(
      "--weight-group <n>",
      "columns of the weights that share a scale in the search",
      integerIn("--weight-group", 1, 2 ** 20),
      64,
    )
    .addHelpText("after", exampleText("quern smooth models/fable-mixtral --self --output out/smooth"))
    .action(run(smoothCommand));
}

const smoothCommand: Action<Options> = async (session, [path], options) => {
  if (!givesCalibration(options)) throw new UsageError("calibration", "none", "--calibration, --ids-file or --self");
  const { openFiles } = await import("../input/open-model.ts");
  const { prepareCalibration } = await import("../input/calibration-input.ts");
  const { smoothModel } = await import("../../compress/smooth/smooth-model.ts");
  const { writeSmoothed } = await import("../../compress/smooth/write-smoothed.ts");
  const { nodeOutput } = await import("../../adapter/node-output.ts");
  const { calibration: texts = [], idsFile } = options;
  await using _claim = await claimOutputs({ outputs: [options.output], inputs: [path, ...texts, idsFile] });
  await using output = await nodeOutput(options.output, session.options);
  const calibration = await prepareCalibration(session, options);
  await using opened = await openFiles(session, path, { activations: "f32" });
  const windows = await calibration(opened);
  const model = await opened.load();
  const { alpha, studyActivations: activations, weightGroup } = options;
  const weightBits = Number(options.weightBits) as SmoothOptions["weightBits"];
  const run = { signal: session.signal, onProgress: session.report };
  const smoothing = await smoothModel(model, windows, { alpha, activations, weightBits, weightGroup, ...run });
  const { bytes } = await writeSmoothed(model.files, smoothing, output);
  const { sites } = smoothing;
  session.output.result({ output: output.name, bytes, sites }, () =>
    [`${model.files.name} -> ${output.name}, ${(bytes / 1e6).toFixed(1)} MB`, ...describe(sites)].join("\n"),
  );
};

/** A line for each kind of input: its alphas, and the rounding error of its outputs as a share of their squares. */
function describe(sites: readonly SmoothedSite[]): readonly string[] {
  return [...new Set(sites.map(({ site }) => site))].map((kind) => {
    const own = sites.filter(({ site }) => site === kind);
    const mean = (field: "error" | "plainError") =>
      (own.reduce((sum, site) => sum + site[field], 0) / own.length).toExponential(2);
    const alphas = own.flatMap(({ alpha }) => alpha ?? []);
    const range = alphas.length === 0 ? "none" : `${Math.min(...alphas)} to ${Math.max(...alphas)}`;
    return `${kind}: ${alphas.length} of ${own.length} smoothed, alpha ${range}, error ${mean("error")}, without ${mean("plainError")}`;
  });
}
