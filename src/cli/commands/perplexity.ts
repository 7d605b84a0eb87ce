/** `quern perplexity`: how well a model predicts a text. */
import type { Command } from "commander";
import { UnsupportedError } from "../../errors.ts";
import { exampleText, integerIn, oneOf } from "../options.ts";
import type { Action, RunCommand } from "../session.ts";
import { addTokenOptions, readTokens, type TokenOptions } from "../token-input.ts";

interface Options extends TokenOptions {
  readonly protocol: "windows" | "strided" | "llama.cpp";
  readonly window: number;
  readonly limit?: number;
}

export function registerPerplexity(program: Command, run: RunCommand): void {
  const command = program
    .command("perplexity")
    .description("Score a text: perplexity and mean NLL, with the protocol they were measured by.")
    .argument("<model>", "model folder");
  addTokenOptions(command)
    .option(
      "--protocol <name>",
      "windows: no overlap, first id not scored",
      oneOf("--protocol", ["windows", "strided", "llama.cpp"]),
      "windows",
    )
    .option("--window <n>", "ids of a window", integerIn("--window", 2, 2 ** 24), 512)
    .option("--limit <n>", "only the first N ids of the text", integerIn("--limit", 1, 2 ** 31))
    .addHelpText("after", exampleText("quern perplexity models/fable-mixtral --text story.txt --window 256"))
    .action(run(perplexityCommand));
}

const perplexityCommand: Action<Options> = async (session, [path], options) => {
  if (options.protocol !== "windows") throw new UnsupportedError("--protocol", options.protocol, ["windows"]);
  const { openModel } = await import("../open.ts");
  const { perplexity, perplexityOfWindows } = await import("../../eval/perplexity.ts");
  await using model = await openModel(session, path);
  const input = await readTokens(session, model, options);
  const { window, limit } = options;
  const run = { signal: session.signal, onProgress: session.report };
  const result =
    input.kind === "windows"
      ? await perplexityOfWindows(model, input.windows, run)
      : await perplexity(model, input.ids, { ...run, window, limit });
  // A file of windows has its own lengths.
  const settings = { ...(input.kind === "windows" ? {} : { window }), activations: model.activations.mode };
  session.output.result({ ...result, ...settings }, () =>
    [
      `perplexity ${result.perplexity.toFixed(4)}`,
      `nll ${result.nll.toFixed(6)} +- ${result.nllStdErr.toFixed(6)} nats a token`,
      `${result.scoredTokens} tokens scored in ${result.windows} windows (protocol ${result.protocol}, ${model.activations.mode} activations)`,
    ].join("\n"),
  );
};
