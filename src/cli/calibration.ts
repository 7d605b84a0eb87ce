/** Calibration tokens of a command: text files, token files, or text that the model writes itself. */
import type { Command } from "commander";
import type { Windows } from "../compress/batch.ts";
import { cutWindows, selfSample } from "../compress/calibration-text.ts";
import { UsageError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { integerIn } from "./options.ts";
import type { Session } from "./session.ts";
import { readTokens } from "./token-input.ts";

export interface CalibrationOptions {
  readonly text?: readonly string[];
  readonly calibration?: readonly string[];
  readonly self?: boolean;
  readonly idsFile?: string;
  readonly samples: number;
  readonly length: number;
}

export function addCalibrationOptions(command: Command, textOption: "--text" | "--calibration"): Command {
  return command
    .option(`${textOption} <path...>`, "calibration text: .txt, .raw, .gz of these, or - for stdin")
    .option("--self", "calibrate on text that the model writes itself (no data set needed)")
    .option("--ids-file <path>", 'token ids, or {"windows": [[...]]} taken as they are')
    .option("--samples <n>", "windows", integerIn("--samples", 1, 1e6), 64)
    .option("--length <n>", "tokens of each", integerIn("--length", 1, 2 ** 20), 256);
}

/** Whether any calibration tokens were asked for. */
export function givesCalibration(options: CalibrationOptions): boolean {
  return (
    options.self === true || [options.text, options.calibration, options.idsFile].some((value) => value !== undefined)
  );
}

export async function readCalibration(session: Session, model: Model, options: CalibrationOptions): Promise<Windows> {
  const { samples, length } = options;
  const { seed } = session.options;
  const text = options.text ?? options.calibration;
  const given = [text, options.self, options.idsFile].filter((value) => value !== undefined).length;
  if (given !== 1) throw new UsageError("calibration", `${given} sources`, "one of text files, --ids-file and --self");
  if (options.self)
    return selfSample(model, { samples, length, seed, signal: session.signal, onProgress: session.report });
  const input = await readTokens(session, model, { text, idsFile: options.idsFile });
  if (input.kind === "windows") return input.windows;
  const windows = cutWindows(input.ids, { samples, length, seed });
  if (windows.length < samples)
    session.note(
      `calibration text holds ${windows.length} windows of ${length} tokens, ${samples} were asked for; all are used`,
    );
  return windows;
}
