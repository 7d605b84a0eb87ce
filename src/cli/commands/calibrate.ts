/** `quern calibrate`: statistics for planning and quantising. */
import type { Command } from "commander";
import type { Statistics } from "../../compress/calibrate.ts";
import { addCalibrationOptions, type CalibrationOptions } from "../calibration.ts";
import { heatMap } from "../heat-map.ts";
import { exampleText } from "../options.ts";
import type { Action, RunCommand } from "../session.ts";

interface Options extends CalibrationOptions {
  readonly output?: string;
  readonly statsJson?: string;
}

export function registerCalibrate(program: Command, run: RunCommand): void {
  const command = program
    .command("calibrate")
    .description("Gather statistics over calibration tokens: expert use, block importance, starved experts.")
    .argument("<model>", "model folder");
  addCalibrationOptions(command, "--text")
    .option("--output <path>", "statistics file to write (.safetensors)")
    .option("--stats-json <path>", "the same as JSON, with the outlier score of every float linear")
    .addHelpText("after", exampleText("quern calibrate models/fable-mixtral --self --output out/stats.safetensors"))
    .action(run(calibrateCommand));
}

const calibrateCommand: Action<Options> = async (session, [path], options) => {
  const { openModel } = await import("../open.ts");
  const { readCalibration } = await import("../calibration.ts");
  const { calibrate, writeStatistics } = await import("../../compress/calibrate.ts");
  const { outlierScores } = await import("../../compress/outlier.ts");
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  await using output = options.output === undefined ? undefined : await nodeOutputFile(options.output, session.options);
  await using json =
    options.statsJson === undefined ? undefined : await nodeOutputFile(options.statsJson, session.options);
  await using model = await openModel(session, path, { activations: "f32" });
  const windows = await readCalibration(session, model, options);
  const statistics = await calibrate(model, windows, { signal: session.signal, onProgress: session.report });
  if (output !== undefined) await writeStatistics(output, statistics);
  if (json !== undefined) {
    const linears = await outlierScores(model.files, { signal: session.signal });
    await json.write(new TextEncoder().encode(`${JSON.stringify({ ...statistics, linears })}\n`));
    await json.commit();
  }
  noteStarved(session.note, statistics);
  session.output.result({ output: options.output ?? null, ...statistics }, () => describe(statistics));
};

function noteStarved(note: (sentence: string) => void, { starved }: Statistics): void {
  if (starved.length === 0) return;
  const named = starved.map(({ layer, expert, tokens }) => `layer ${layer} expert ${expert} (${tokens})`).join(", ");
  note(`warning: ${starved.length} experts saw few calibration tokens: ${named}`);
}

function describe({ tokens, experts, blocks }: Statistics): string {
  const cosines = blocks.map(
    ({ layer, cosine, cosineModule }) => `${layer}: ${cosine.toFixed(4)} / ${cosineModule.toFixed(4)}`,
  );
  return [
    `${tokens} calibration tokens`,
    "",
    heatMap(experts),
    "",
    `cosine of each block, stream / module: ${cosines.join("  ")}`,
  ].join("\n");
}
