/** Turns commander's complaints into usage errors that say where, what was found and what was expected. */
import type { Command, CommanderError } from "commander";
import { UsageError } from "../../base/errors.ts";

/** Help and version are not errors: they pass unchanged, with exit code 0. */
export function throwUsage(error: CommanderError, command: Command): never {
  const where = nameOf(command);
  if (error.code === "commander.help" && error.exitCode !== 0) {
    const names = command.commands.map((child) => child.name()).join(", ");
    throw new UsageError(where, "no command", `one of ${names}; see \`${where} --help\``);
  }
  if (error.exitCode === 0) throw error;
  const [complaint, suggestion] = error.message.replace(/^error: /, "").split("\n");
  const nearest = /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(suggestion ?? "")?.[1];
  const found = complaint.replace(/\.$/, "").replace(/'/g, "");
  throw new UsageError(
    where,
    found,
    nearest === undefined ? remedyOf(error, command) : `${nearest}, or ${helpOf(where)}`,
  );
}

/** What is expected if no known name is near the given one. */
function remedyOf({ code, message }: CommanderError, command: Command): string {
  const where = nameOf(command);
  if (code === "commander.unknownOption" && command.parent === null)
    return `a command before its options, such as \`${where} inspect MODEL --json\``;
  if (code === "commander.missingMandatoryOptionValue" || code === "commander.missingArgument")
    return `it, as in \`${usageOf(command, message)}\``;
  if (code === "commander.optionMissingArgument") return "a value after it";
  if (code === "commander.excessArguments") return `\`${usageOf(command)}\`: text with spaces stands in quotes`;
  return helpOf(where);
}

function helpOf(where: string): string {
  return `what \`${where} --help\` lists`;
}

/** The command with its arguments and the option that the complaint is about. */
function usageOf(command: Command, complaint = ""): string {
  const option = /--[a-z-]+ <[^>]+>/.exec(complaint)?.[0];
  const words = command.registeredArguments.map((argument) =>
    argument.required ? argument.name().toUpperCase() : `[${argument.name().toUpperCase()}]`,
  );
  return [nameOf(command), ...words, ...(option === undefined ? [] : [option])].join(" ");
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}
