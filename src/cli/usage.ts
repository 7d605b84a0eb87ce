/** Turns commander's complaints into usage errors that say where, what was found and what was expected. */
import type { Command, CommanderError } from "commander";
import { UsageError } from "../errors.ts";

/** Help and version are no errors: they pass as they are, with exit code 0. */
export function throwUsage(error: CommanderError, command: Command): never {
  const where = nameOf(command);
  if (error.code === "commander.help" && error.exitCode !== 0) {
    const names = command.commands.map((child) => child.name()).join(", ");
    throw new UsageError(where, "no command", `one of ${names}; see \`${where} --help\``);
  }
  if (error.exitCode === 0) throw error;
  const [complaint, suggestion] = error.message.replace(/^error: /, "").split("\n");
  const nearest = /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(suggestion ?? "")?.[1];
  const help = `what \`${where} --help\` lists`;
  const found = complaint.replace(/\.$/, "").replace(/'/g, "");
  throw new UsageError(where, found, nearest === undefined ? help : `${nearest}, or ${help}`);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
