/**
 * Work that may be killed: its output, and beside it a folder `OUTPUT.partial` with the work that is finished. The output is also
 * written in there, so that a killed run leaves this folder and nothing else.
 */
import { lstat, open, readdir, realpath, rename, rm, rmdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { FileError } from "../base/errors.ts";
import { checkOutputName, type OutputFolder } from "../files/output.ts";
import type { WorkFolder } from "../files/work-folder.ts";
import { errorCode, fileError } from "./file-errors.ts";
import { nodeFile } from "./node.ts";
import { isTemporary } from "./node-leftovers.ts";
import { nodeOutput, nodeOutputFile } from "./node-output.ts";

export interface ResumableOptions {
  /** Go on with an interrupted run, if there is one. */
  readonly resume?: boolean;
  /** Replace an existing output; without `resume` also discard what an interrupted run left. */
  readonly force?: boolean;
}

export interface ResumableOutput {
  readonly output: OutputFolder;
  /** The folder of finished work; it stays when the output is aborted. */
  readonly work: WorkFolder;
}

const STAGING = "output";
/** Name of an older output while the new one takes its place. */
const REPLACED = "output.old";
/** This file says that the output is whole and about to be renamed: if the output is no longer in here, the one under its name is of this run. */
const WHOLE = "output.whole";

/** @throws FileError for an existing output and for an interrupted run, unless the options allow it. */
export async function nodeResumable(path: string, options: ResumableOptions = {}): Promise<ResumableOutput> {
  const target = await targetOf(path);
  const folder = await workFolderOf(path);
  const resume = options.resume === true;
  if (!resume && options.force !== true && (await exists(folder)))
    throw new FileError(
      folder,
      "found the work of an interrupted run; go on with --resume, or begin anew with --force",
    );
  const staging = join(folder, STAGING);
  const whole = join(folder, WHOLE);
  if (resume && (await exists(whole)) && !(await exists(staging))) await takeBack(target, staging);
  await takeBack(join(folder, REPLACED), target);
  await rm(whole, { force: true });
  const output = await nodeOutput(path, { force: options.force, staging });
  const commit = async () => {
    try {
      await touch(whole);
      await output.commit();
    } catch (cause) {
      // Once the output in here is discarded, this file would say that an older one under its name is of this run.
      await rm(whole, { force: true });
      throw cause;
    }
  };
  return { output: { ...output, commit }, work: nodeWorkFolder(folder) };
}

/** The folder of the work on the output at `path`. */
export async function workFolderOf(path: string): Promise<string> {
  return `${await targetOf(path)}.partial`;
}

/** A folder that need not exist yet; it is made with its first file. */
export function nodeWorkFolder(path: string): WorkFolder {
  return {
    name: path,
    async list() {
      return (await entriesOf(path)).filter((name) => !isOurs(name)).sort();
    },
    async open(file) {
      checkOutputName(path, file);
      return (await exists(join(path, file))) ? nodeFile(join(path, file)) : undefined;
    },
    async file(file) {
      checkOutputName(path, file);
      return nodeOutputFile(join(path, file), { force: true });
    },
    async remove(files) {
      const ours = (await entriesOf(path)).filter((name) => isTemporary(name) || name === WHOLE);
      try {
        for (const file of [...files, ...ours]) await rm(join(path, file), { force: true });
        await rmdir(path);
      } catch (cause) {
        if (!["ENOTEMPTY", "EEXIST", "ENOENT"].includes(errorCode(cause) ?? "")) throw fileError(path, cause);
      }
    },
  };
}

/** Whether a file in the folder was put there by this file, not by the work. */
function isOurs(name: string): boolean {
  return isTemporary(name) || [WHOLE, STAGING, REPLACED].includes(name);
}

/**
 * Undoes the rename of a run that was killed after it had named its output and before it had removed the rest: the output is moved
 * back to be written again, and the one that it replaced back to its place.
 */
async function takeBack(from: string, to: string): Promise<void> {
  try {
    if (await exists(to)) await rm(from, { recursive: true, force: true });
    else await rename(from, to);
  } catch (cause) {
    if (errorCode(cause) !== "ENOENT") throw fileError(from, cause);
  }
}

/** The path that will be replaced or made. */
async function targetOf(path: string): Promise<string> {
  const plain = [".", ".."].includes(basename(path)) ? resolve(path) : path.replace(/(?<=[^/\\])[/\\]+$/, "");
  // If the output is a link, the place that it leads to is replaced, by a rename on that file system.
  const isLink = (await lstat(plain).catch(() => undefined))?.isSymbolicLink() === true;
  return isLink ? await realpath(plain).catch(() => plain) : plain;
}

async function entriesOf(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return [];
    throw fileError(path, cause);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    if (errorCode(cause) === "ENOENT") return false;
    throw fileError(path, cause);
  }
}

async function touch(path: string): Promise<void> {
  try {
    await using handle = await open(path, "w");
    await handle.sync();
  } catch (cause) {
    throw fileError(path, cause);
  }
}
