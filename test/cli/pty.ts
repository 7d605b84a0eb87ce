/** Runs the built program on a pseudo-terminal, through `script` of util-linux where the machine has it. */
import { spawn, spawnSync } from "node:child_process";
import { repositoryFile } from "../helpers/shared.ts";

/** BSD's `script` takes other options. */
export const hasTerminal: boolean = /util-linux/.test(
  spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "",
);

export interface TerminalRun {
  readonly status: number | null;
  /** Everything that was written to the terminal, stdout and stderr as they came. */
  readonly bytes: string;
}

/** Keys that are typed once `when` stands in what was written since the last keys. */
export interface TypedKeys {
  readonly when: RegExp;
  readonly keys: string;
}

export function onTerminal(args: readonly string[], ...typed: readonly TypedKeys[]): Promise<TerminalRun> {
  const words = [process.execPath, repositoryFile("dist/cli/main.js"), ...args];
  const command = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = spawn("script", ["-qefc", command, "/dev/null"], { env: { ...process.env, SHELL: "/bin/sh" } });
  let bytes = "";
  let seen = 0;
  const left = [...typed];
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    bytes += piece;
    if (left.length === 0 || !left[0].when.test(bytes.slice(seen))) return;
    seen = bytes.length;
    child.stdin.write(left.shift()!.keys);
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, bytes }));
  });
}
