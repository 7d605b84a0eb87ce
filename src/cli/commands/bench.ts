/** `quern bench`: speed of a model on this machine. */
import type { Command } from "commander";
import { exampleText, integerIn, MODEL_SOURCES } from "../options/common-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options {
  readonly prompt?: number;
  readonly repeat: number;
  readonly profile?: boolean;
}

export function registerBench(program: Command, run: RunCommand): void {
  program
    .command("bench")
    .description("Measure how fast a model runs here, and how near to the machine's ceilings.")
    .argument("<model>", MODEL_SOURCES)
    .option(
      "--prompt <n>",
      "tokens of the prompt (default: 512, or what the context has room for)",
      integerIn("--prompt", 1, 2 ** 24),
    )
    .option("--repeat <n>", "times that everything is measured", integerIn("--repeat", 1, 1000), 5)
    .option("--profile", "tell which kernels the time goes to")
    .addHelpText("after", exampleText("quern bench models/fable-mixtral --profile --prompt 64 --repeat 1"))
    .action(run(bench));
}

const bench: Action<Options> = async (session, [path], options) => {
  const { openModel } = await import("../input/open-model.ts");
  const { profile } = await import("../../bench/profile/profile.ts");
  const { describeProfile } = await import("../show/profile-table.ts");
  const { engineInfo } = await import("../../runtime/language-model.ts");
  await using model = await openModel(session, path);
  const { prompt, repeat } = options;
  const found = await profile(model, { prompt, repeat, signal: session.signal, onProgress: session.report });
  const engine = engineInfo(model);
  session.output.result({ engine, ...found }, () => describeProfile(engine, found));
};
