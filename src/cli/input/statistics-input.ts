/** Statistics files of commands: read, and checked against the model they are used for. */

import { UsageError } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { Statistics } from "../../compress/statistics/statistics.ts";
import { readStatistics } from "../../compress/statistics/statistics-file.ts";
import type { ModelFiles } from "../../model/model.ts";
import { modelHash } from "../../model/model-identity.ts";
import type { Session } from "../session/command-session.ts";
import { withFile } from "./input-file.ts";

export function readStatisticsFile(path: string): Promise<Statistics> {
  return withFile(path, readStatistics);
}

/** @throws UsageError for statistics of other weights. Without weights only names and numbers can be checked, by who uses them. */
export async function readStatisticsOf(
  session: Session,
  path: string,
  files: ModelFiles | undefined,
): Promise<Statistics> {
  const statistics = await readStatisticsFile(path);
  if (files === undefined) session.note(`${path}: taken as this model's: there are no weights to tell it by`);
  else await requireModel(session, statistics, path, files);
  return statistics;
}

export async function requireModel(
  session: Session,
  statistics: Statistics,
  path: string,
  files: ModelFiles,
): Promise<void> {
  if ((await modelHash(files, new Turns(session.signal), session.report)) !== statistics.modelHash)
    throw new UsageError(path, "statistics of another model", `those of ${files.name}`);
}
