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
