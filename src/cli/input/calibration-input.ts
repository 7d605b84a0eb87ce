/** Calibration tokens of a command: from text files, token files, or text that the model writes itself. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import { DEFAULTS } from "../../compress/recipe/choose-grid.ts";
import type { BatchNeeds } from "../../compress/windows/batch-room.ts";
import { cutWindows, selfSample } from "../../compress/windows/calibration-text.ts";
import { checkWindows, type Windows } from "../../compress/windows/window-batch.ts";
import { checkWhole } from "../../eval/scoring/scored-windows.ts";
import { integerIn, numberIn } from "../options/common-options.ts";
import type { CommandSession } from "../session/command-session.ts";
import type { OpenedFiles } from "./open-model.ts";
import { prepareTokens } from "./token-input.ts";

export interface CalibrationOptions {
  readonly text?: readonly string[];
  readonly calibration?: readonly string[];
  readonly self?: boolean;
  readonly selfTemperature?: number;
  readonly idsFile?: string;
  readonly samples: number;
  readonly length: number;
}

export function addCalibrationOptions(command: Command, textOption: "--text" | "--calibration"): Command {
  return command
    .option(`${textOption} <path...>`, "calibration text: .txt, .raw, .gz of these, or - for stdin")
    .option("--self", "calibrate on text that the model writes itself (needs no data set)")
    .option(
      "--self-temperature <x>",
      "temperature at which the model writes that text (default 1; above 1 it is more varied)",
      numberIn("--self-temperature", { above: 0 }),
    )
    .option("--ids-file <path>", 'token ids (JSON array, .u16 or .i32), or {"windows": [[...]]}, which are used uncut')
    .option("--samples <n>", "windows of calibration tokens to take", integerIn("--samples", 1, 1e6), DEFAULTS.samples)
    .option("--length <n>", "tokens of each window", integerIn("--length", 1, 2 ** 20), DEFAULTS.length);
}

/** Whether any of the options that give calibration tokens is set. */
export function givesCalibration(options: CalibrationOptions): boolean {
  return (
    options.self === true || [options.text, options.calibration, options.idsFile].some((value) => value !== undefined)
  );
}

/** Gives the calibration windows: before the weights are loaded for tokens that were given, after that for text of the model itself. */
export type CalibrationSource = (opened: OpenedFiles) => Promise<Windows>;

/**
 * Reads what was given, before any model is opened. @throws UsageError unless it is exactly one source.
 * @param atOnce what the job takes that will run all windows through the model at once; left out for one that does not.
 */
export async function prepareCalibration(
  session: CommandSession,
  options: CalibrationOptions,
  atOnce?: BatchNeeds,
): Promise<CalibrationSource> {
  const { samples, length } = options;
  const { seed } = session.options;
  const text = options.text ?? options.calibration;
  const { selfTemperature: temperature } = options;
  if (temperature !== undefined && options.self !== true)
    throw new UsageError("--self-temperature", String(temperature), "--self with it");
  const given = [text, options.self, options.idsFile].filter((value) => value !== undefined).length;
  if (given !== 1) throw new UsageError("calibration", `${given} sources`, "one of text files, --ids-file and --self");
  if (options.self) {
    const run = { samples, length, seed, temperature, signal: session.signal, onProgress: session.report };
    return async (opened) => {
      checkWhole("--length", length, 1, opened.config.maxPositions, ", the model's context");
      return selfSample(await opened.load(), run, atOnce);
    };
  }
  const tokens = await prepareTokens(session, { text, idsFile: options.idsFile });
  return async (opened) => {
    const input = await tokens(opened);
    const windows = input.kind === "windows" ? input.windows : cutWindows(input.ids, { samples, length, seed });
    checkWindows(windows, opened);
    if (input.kind === "stream" && windows.length < samples)
      session.note(
        `calibration text holds ${windows.length} windows of ${length} tokens, ${samples} were asked for; all are used`,
      );
    return windows;
  };
}
