/** `--memory`: a limit within which models are run that are larger. */
import type { Command } from "commander";

export interface MemoryOption {
  readonly memory?: string;
}

export function addMemoryOption(command: Command): Command {
  return command.option(
    "--memory <size>",
    "most memory of the engine, such as 2GB: experts that do not fit are read from the file when a token needs them; results do not depend on it",
  );
}

/** For commands that go through a float model block by block. */
export function addBlockMemoryOption(command: Command): Command {
  return command.option(
    "--memory <size>",
    "most memory of the engine, such as 3GB: weights that do not fit are read from the file block by block; results do not depend on it",
  );
}

/** How a model is opened whose blocks are read one after the other. */
export function blockPaging({ memory }: MemoryOption): { readonly memory?: string; readonly paging: "all" } {
  return { memory, paging: "all" };
}
