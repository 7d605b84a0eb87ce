/** Builds the program from one file per command, parses the arguments, runs the command and settles the exit status. */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { UsageError } from "../base/errors.ts";
import { quoted } from "../base/json.ts";
import { nearestWord } from "../base/nearest-word.ts";
import { registerBench } from "./commands/bench.ts";
import { registerCalibrate } from "./commands/calibrate.ts";
import { registerChat } from "./commands/chat.ts";
import { registerCompare } from "./commands/compare.ts";
import { registerConvert } from "./commands/convert.ts";
import { registerDemo } from "./commands/demo.ts";
import { registerEvaluate } from "./commands/evaluate.ts";
import { registerGenerate } from "./commands/generate.ts";
import { registerInspect } from "./commands/inspect.ts";
import { registerLogits } from "./commands/logits.ts";
import { registerPerplexity } from "./commands/perplexity.ts";
import { registerPlan } from "./commands/plan.ts";
import { registerQuantize } from "./commands/quantize.ts";
import { registerQuantizeMatrix } from "./commands/quantize-matrix.ts";
import { registerReport } from "./commands/report.ts";
import { registerServe } from "./commands/serve.ts";
import { registerSmooth } from "./commands/smooth.ts";
import { registerSweep } from "./commands/sweep.ts";
import { registerTokenize } from "./commands/tokenize.ts";
import { registerWork } from "./commands/work.ts";
import { addCommonOptions, type CommonOptions, commonOptionsOf, exampleText } from "./options/common-options.ts";
import { throwUsage } from "./options/usage-errors.ts";
import { packageFile } from "./package-file.ts";
import { reportFailure, StoppedError, withRemedy } from "./session/command-failure.ts";
import type { Action, RunCommand, Streams } from "./session/command-session.ts";
import { createOutput } from "./show/command-output.ts";
import { createProgress } from "./show/progress.ts";
import { createScreen, type Screen } from "./show/screen.ts";
import { styled } from "./show/text-style.ts";

/** Each command registers itself; none imports the engine before it runs. */
const COMMANDS: readonly ((program: Command, run: RunCommand) => void)[] = [
  registerDemo,
  registerInspect,
  registerTokenize,
  registerLogits,
  registerGenerate,
  registerChat,
  registerCalibrate,
  registerPlan,
  registerQuantize,
  registerQuantizeMatrix,
  registerSmooth,
  registerConvert,
  registerPerplexity,
  registerCompare,
  registerEvaluate,
  registerServe,
  registerSweep,
  registerWork,
  registerReport,
  registerBench,
];

const EXAMPLE = `quern generate models/fable-mixtral --prompt "Once upon a time"
  quern help quantize

In a checkout \`node dist/cli/main.js\` stands for \`quern\`; paths in examples are a checkout's.`;

/** Runs one command line and returns the exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted. */
export async function runProgram(args: readonly string[], streams: Streams): Promise<number> {
  const words = args.includes("--") ? args.slice(0, args.indexOf("--")) : args;
  const asked = { json: words.includes("--json"), debug: words.includes("--debug") };
  const { signal } = streams;
  const screen = createScreen(streams);
  try {
    await buildProgram(screen, signal).parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return reportFailure(error, { ...asked, ...screen, signal });
  }
}

function buildProgram(screen: Screen, signal: AbortSignal): Command {
  const program = new Command("quern");
  program
    .description("Runs, quantises and scores Mixture-of-Experts language models.")
    .version(versionOf(), "-V, --version", "print the version")
    .configureOutput({
      writeOut: (text) => screen.stdout.write(text),
      // `command-failure.ts` reports every error once.
      writeErr: () => {},
    })
    .configureHelp({ styleTitle: (title) => styled("bold", title), helpWidth: 110 })
    .addHelpText("after", exampleText(EXAMPLE));
  program.exitOverride((error) => throwUsage(error, program));
  const run: RunCommand =
    (action) =>
    (...args) =>
      runAction(action as Action<unknown>, args, screen, signal);
  for (const register of COMMANDS) register(program, run);
  for (const command of program.commands) addCommonOptions(command);
  addHelp(program);
  for (const command of program.commands) command.exitOverride((error) => throwUsage(error, command));
  return program;
}

/** `quern help COMMAND`. Commander's own help treats a misspelt command as no command. */
function addHelp(program: Command): void {
  program
    .helpCommand(false)
    .command("help")
    .description("Show the help of a command: its options, their defaults, an example.")
    .argument("[command]", "such as generate")
    .addHelpText("after", exampleText("quern help generate"))
    .action((name: string | undefined) => {
      if (name === undefined) program.help();
      const { commands } = program;
      const found = commands.find((command) => command.name() === name);
      if (found !== undefined) found.help();
      const names = commands.map((command) => command.name());
      const nearest = nearestWord(name as string, names);
      throw new UsageError("quern help", quoted(name as string), `${nearest}, or another of ${names.join(", ")}`);
    });
}

/** Runs an action. Commander calls it with the arguments, the options and the command. */
async function runAction(
  action: Action<unknown>,
  args: readonly unknown[],
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  const command = args.at(-1) as Command;
  checkNames(command);
  const options: CommonOptions = commonOptionsOf(command);
  const progress = createProgress(screen, options.quiet);
  signal.addEventListener("abort", progress.stop, { once: true });
  let how: string | undefined;
  const goesOn = (told: string) => {
    how = told;
  };
  let isServing = false;
  const endsByCtrlC = () => {
    isServing = true;
  };
  try {
    await action(
      {
        options,
        signal,
        output: createOutput(screen.stdout, options.json),
        report: progress.report,
        rest: progress.rest,
        note: progress.note,
        stderr: screen.stderr,
        goesOn,
        endsByCtrlC,
      },
      command.processedArgs as string[],
      command.opts(),
    );
    if (!isServing) signal.throwIfAborted();
  } catch (cause) {
    throw signal.aborted ? new StoppedError(how, { cause }) : withRemedy(cause, how);
  } finally {
    progress.stop();
  }
}

/** @throws UsageError for an empty path, which an unset variable in a script gives: it would mean the working folder. */
function checkNames(command: Command): void {
  const { output } = command.opts<{ output?: string }>();
  command.registeredArguments.forEach((argument, index) => {
    if ([command.processedArgs[index]].flat().includes(""))
      throw new UsageError(argument.name().toUpperCase(), "an empty name", "a path");
  });
  if (output === "") throw new UsageError("--output", "an empty name", "a path");
}

function versionOf(): string {
  const json = readFileSync(packageFile("package.json"), "utf8");
  return (JSON.parse(json) as { version: string }).version;
}
