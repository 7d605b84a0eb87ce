/** Statistics files of commands, checked against the model that they are used for, and the files that an unfinished `quern calibrate` keeps. */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { withFileErrors } from "../../adapter/file-errors.ts";
import { nodeFile } from "../../adapter/node.ts";
import { nodeOutputFile } from "../../adapter/node-output.ts";
import { nodeWorkFolder } from "../../adapter/node-work.ts";
import { FileError, UsageError } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { PartialStatistics } from "../../compress/statistics/calibrate.ts";
import type { Statistics } from "../../compress/statistics/statistics.ts";
import {
  readPartialStatistics,
  readStatistics,
  writePartialStatistics,
} from "../../compress/statistics/statistics-file.ts";
import { removeTriangles } from "../../compress/statistics/triangles.ts";
import type { ByteSource } from "../../files/source.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import type { ModelFiles } from "../../model/model.ts";
import { modelHash } from "../../model/model-identity.ts";
import type { CommandSession } from "../session/command-session.ts";
import { withFile } from "./input-file.ts";

export function readStatisticsFile(path: string): Promise<Statistics> {
  return withFile(path, readStatistics);
}

/** Reads statistics of this model. @throws UsageError for statistics of other weights; a model without weights cannot be checked here. */
export async function readStatisticsOf(
  session: CommandSession,
  path: string,
  files: ModelFiles | undefined,
): Promise<Statistics> {
  const statistics = await readStatisticsFile(path);
  if (files === undefined)
    session.note(`${path}: taken as statistics of this model; they cannot be checked without its weights`);
  else await requireModel(session, statistics, path, files);
  return statistics;
}

export async function requireModel(
  session: CommandSession,
  statistics: Statistics,
  path: string,
  files: ModelFiles,
): Promise<void> {
  if ((await modelHash(files, new Turns(session.signal), session.report)) !== statistics.modelHash)
    throw new UsageError(path, "statistics of another model", `those of ${files.name}`);
}

/**
 * What an unfinished `quern calibrate` keeps: the sums of its chunks in one file, the Hessians of the chunk at work in a folder. The
 * file stays open until the statistics are written, since they are read from it.
 */
export class PartialFile implements AsyncDisposable {
  readonly #path: string;
  /** The folder of the Hessians of the chunk that is running. */
  readonly work: WorkFolder;
  #source: ByteSource | undefined;

  /** @param output the statistics file that the run will write. */
  constructor(output: string) {
    this.#path = `${output}.partial`;
    this.work = nodeWorkFolder(`${output}.hessians`);
  }

  /** What an interrupted run left. @throws FileError if there is something and neither option says what to do with it. */
  async resume(options: { readonly resume: boolean; readonly force: boolean }): Promise<PartialStatistics | undefined> {
    await removeTriangles(this.work);
    if (!existsSync(this.#path) || (!options.resume && options.force)) return undefined;
    if (options.resume) return this.#read();
    throw new FileError(this.#path, "found an interrupted run; go on with --resume, or begin anew with --force");
  }

  /** Replaces the file once the new one is whole and on the device. */
  async keep(partial: PartialStatistics): Promise<Statistics> {
    await writePartialStatistics(await nodeOutputFile(this.#path, { force: true }), partial);
    return (await this.#read()).statistics;
  }

  /** Removes everything, once the statistics are written. */
  async remove(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await removeTriangles(this.work);
    await withFileErrors(this.#path, () => rm(this.#path, { force: true }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await source?.close?.();
  }

  async #read(): Promise<PartialStatistics> {
    await this[Symbol.asyncDispose]();
    this.#source = await nodeFile(this.#path);
    return readPartialStatistics(this.#source);
  }
}
