/** `quern compare`: how far a model is from another, usually its float original. */
import type { Command } from "commander";
import type { Comparison } from "../../eval/tally.ts";
import { type ActivationsOption, exampleText, integerIn, oneOf } from "../options.ts";
import type { Action, RunCommand } from "../session.ts";
import { addTokenOptions, readTokens, type TokenOptions } from "../token-input.ts";

interface Options extends TokenOptions {
  readonly reference: string;
  readonly referenceActivations: ActivationsOption;
  readonly window: number;
  readonly limit?: number;
}

export function registerCompare(program: Command, run: RunCommand): void {
  const modes = ["f32", "int16", "int8"] as const;
  const command = program
    .command("compare")
    .description("Compare a model with a reference, token by token: KL, same top token, routing.")
    .argument("<model>", "model folder")
    .requiredOption("--reference <model>", "the model to compare with");
  addTokenOptions(command)
    .option(
      "--reference-activations <mode>",
      "arithmetic of the reference",
      oneOf("--reference-activations", modes),
      "f32",
    )
    .option("--window <n>", "ids of a window", integerIn("--window", 2, 2 ** 24), 512)
    .option("--limit <n>", "only the first N ids of the text", integerIn("--limit", 1, 2 ** 31))
    .addHelpText("after", exampleText("quern compare out/gptq-3bit --reference models/fable-mixtral --text story.txt"))
    .action(run(compareCommand));
}

const compareCommand: Action<Options> = async (session, [path], options) => {
  const { openModel } = await import("../open.ts");
  const { compare, compareWindows } = await import("../../eval/compare.ts");
  await using model = await openModel(session, path);
  await using reference = await openModel(session, options.reference, { activations: options.referenceActivations });
  const input = await readTokens(session, model, options);
  const { window, limit } = options;
  const run = { signal: session.signal, onProgress: session.report };
  const result =
    input.kind === "windows"
      ? await compareWindows(model, reference, input.windows, run)
      : await compare(model, reference, input.ids, { ...run, window, limit });
  session.output.result({ ...result }, () => describe(result));
};

function describe({ kl, sameTop, perplexityRatio, perplexity, deltaP, routing, scoredTokens }: Comparison): string {
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const tail = (["p50", "p90", "p95", "p99", "p999", "max"] as const).map((key) => `${key} ${kl[key].toFixed(5)}`);
  return [
    `KL ${kl.mean.toFixed(6)} +- ${kl.stdErr.toFixed(6)} nats a token (${tail.join(", ")})`,
    `same top token ${percent(sameTop.value)} +- ${percent(sameTop.stdErr)}`,
    `perplexity ${perplexity.model.toFixed(4)} against ${perplexity.reference.toFixed(4)}, ratio ${perplexityRatio.toFixed(5)}`,
    `delta p: rms ${percent(deltaP.rms)}, mean ${percent(deltaP.mean)}`,
    `routing changed: ${routing.map(({ layer, changed }) => `${layer}: ${percent(changed)}`).join(", ")}`,
    `${scoredTokens} tokens scored`,
  ].join("\n");
}
