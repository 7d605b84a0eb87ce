/** Runs the built program as a user does. */
import { spawn, spawnSync } from "node:child_process";
import { repositoryFile } from "../helpers/shared.ts";

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const TINY_MODEL: string = repositoryFile("models/fable-mixtral");

/** `node dist/cli/main.js ...args` from the folder of the tests' temporary files, with `input` on stdin. */
export function quern(
  args: readonly string[],
  input: string | Uint8Array = "",
  env: NodeJS.ProcessEnv = process.env,
): Run {
  const main = repositoryFile("dist/cli/main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    ...{ input, env },
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  return { status, stdout, stderr };
}

/** The same, and Ctrl-C as soon as `isTime`, looked at every few milliseconds. */
export async function stopped(args: readonly string[], isTime: () => boolean): Promise<Run> {
  const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args]);
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (piece: string) => {
      texts[stream] += piece;
    });
  const watch = setInterval(() => {
    if (!isTime()) return;
    clearInterval(watch);
    child.kill("SIGINT");
  }, 2);
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearInterval(watch);
  return { status, ...texts };
}
