/** Builds single modules of src for programs that tests start: the package exports entries only. */
import { execFileSync } from "node:child_process";
import { basename } from "node:path";
import { repositoryFile } from "./shared.ts";

/** Path of a script made of the module at `source` and all that it imports. */
export function builtModule(source: string): string {
  const file = repositoryFile(`build/modules/${basename(source, ".ts")}.mjs`);
  execFileSync(process.execPath, ["scripts/bundle.mjs", source, file], { cwd: repositoryFile("") });
  return file;
}
