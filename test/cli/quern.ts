/** Runs the built program as a user does. */
import { spawnSync } from "node:child_process";
import { repositoryFile } from "../helpers/shared.ts";

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const TINY_MODEL: string = repositoryFile("models/fable-mixtral");

/** `node dist/cli/main.js ...args` from the folder of the tests' temporary files, with `input` on stdin. */
export function quern(args: readonly string[], input: string | Uint8Array = ""): Run {
  const main = repositoryFile("dist/cli/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    input,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}
