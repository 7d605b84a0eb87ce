/** `quern demo`: a real MoE is calibrated on its own text, quantised in several ways, run, and compared. */
import { join } from "node:path";
import type { Command } from "commander";
import { jsonText } from "../../base/json-text.ts";
import type { Windows } from "../../compress/windows/window-batch.ts";
import type { OutputFile } from "../../files/output.ts";
import type { Model } from "../../model/model.ts";
import type { DemoRow, HeldOut } from "../demo/demo-measure.ts";
import type { DemoPlan } from "../demo/demo-plans.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { exampleText, integerIn } from "../options/common-options.ts";
import { packageFile } from "../package-file.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import { styled } from "../show/text-style.ts";
import { renderTable } from "../show/text-table.ts";

interface Options {
  readonly output: string;
  readonly samples: number;
  readonly storyTokens: number;
}

const LENGTH = 256;
const HELD_OUT_SAMPLES = 24;
const STORY_PLAN = "gptq-3bit";
const PROMPT = "Once upon a time";

export function registerDemo(program: Command, run: RunCommand): void {
  program
    .command("demo")
    .description(
      "Show Quern's main job on a real model: calibrate, quantise in eight ways, run, compare, write a story.",
    )
    .argument("[model]", "float model folder (default: the fable-mixtral of a checkout)")
    .option("--output <dir>", "folder for quantised models and results", "out/demo")
    .option("--samples <n>", "calibration windows of 256 tokens", integerIn("--samples", 1, 4096), 48)
    .option("--story-tokens <n>", "length of the story", integerIn("--story-tokens", 1, 400), 160)
    .addHelpText("after", exampleText("quern demo models/fable-mixtral --output out/demo"))
    .action(run(demo));
}

const demo: Action<Options> = async (session, [given], options) => {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { openModel } = await import("../input/open-model.ts");
  const { selfSample } = await import("../../compress/windows/calibration-text.ts");
  const { expertUsage } = await import("../../eval/perplexity/expert-usage.ts");
  const { demoPlans } = await import("../demo/demo-plans.ts");
  const { measure } = await import("../demo/demo-measure.ts");
  const { heatMap } = await import("../show/heat-map.ts");
  const path = given ?? packageFile("models/fable-mixtral");
  const say = (text: string) => session.output.piece(`${text}\n`);
  await using _claim = await claimOutputs({ outputs: [options.output], inputs: [path] });
  await using table = await nodeOutputFile(join(options.output, "results.md"), session.options);
  await using results = await nodeOutputFile(join(options.output, "results.json"), session.options);
  await using model = await openModel(session, path, { activations: "f32" });
  const plans = demoPlans(model.files);
  await requireNew(session, options, plans);
  const sampling = { length: LENGTH, signal: session.signal, onProgress: session.report };
  const { seed } = session.options;
  say(`${path}: ${model.config.modelType}, ${model.config.experts} experts, ${model.config.topK} a token`);
  say(`calibrating on ${options.samples} windows of ${LENGTH} tokens that the model writes itself`);
  const windows = await selfSample(model, { ...sampling, samples: options.samples, seed });
  const held = await selfSample(model, { ...sampling, samples: HELD_OUT_SAMPLES, seed: seed + 1 });
  const heldOut: HeldOut = { ids: held.flat(), window: LENGTH };
  const usage = await expertUsage(model, windows, session);
  say(`\n${heatMap(usage)}\n`);

  const rows: DemoRow[] = [await measure(session, "float", model, undefined, heldOut)];
  for (const plan of plans) rows.push(await runPlan(session, model, plan, { windows, heldOut }, options));
  say(`\n${resultTable(rows, false)}`);
  say(NOTE);
  const tokens = { calibrationTokens: windows.flat().length, heldOutTokens: heldOut.ids.length };
  const document = { model: path, rows, usage, ...tokens };
  await writeText(table, resultTable(rows, true));
  await writeText(results, jsonText(document));
  const story = await tellStory(session, join(options.output, STORY_PLAN), options.storyTokens);
  session.output.result({ ...document, story }, () => `\n\nresults: ${options.output}`);
};

async function writeText(file: OutputFile, text: string): Promise<void> {
  await file.write(new TextEncoder().encode(text));
  await file.commit();
}

/** Refuses, before any work, to write where a quantised model exists. */
async function requireNew({ options: { force } }: CommandSession, { output }: Options, plans: readonly DemoPlan[]) {
  const { nodeOutput } = await import("../../adapter/node-output.ts");
  for (const { name } of plans) await (await nodeOutput(join(output, name), { force })).abort();
}

const NOTE =
  "KL and agreement against the float model, perplexity on text it wrote (held out), all with the folder's own activations (int8);\n" +
  "MB: whole weight files, the embedding included, which stays float.";

/** Tokens that a plan is calibrated on, and those that it is measured on. */
interface DemoTokens {
  readonly windows: Windows;
  readonly heldOut: HeldOut;
}

async function runPlan(
  session: CommandSession,
  model: Model,
  plan: DemoPlan,
  { windows, heldOut }: DemoTokens,
  options: Options,
): Promise<DemoRow> {
  const { nodeOutput } = await import("../../adapter/node-output.ts");
  const { quantizeModel } = await import("../../compress/quantize/quantize-model.ts");
  const { writeQuantized } = await import("../../compress/write/write-quantized.ts");
  const { measure } = await import("../demo/demo-measure.ts");
  const { openModel } = await import("../input/open-model.ts");
  const folder = join(options.output, plan.name);
  await using output = await nodeOutput(folder, session.options);
  const onProgress: CommandSession["report"] = (event) => session.report({ ...event, phase: plan.label });
  const quantized = await quantizeModel(model, plan.settings, { windows, signal: session.signal, onProgress });
  await writeQuantized(model.files, quantized, { settings: plan.settings, output });
  const quiet = { ...session, report: () => {} };
  await using quantised = await openModel(quiet, folder);
  return await measure(session, plan.label, quantised, model, heldOut);
}

function resultTable(rows: readonly DemoRow[], markdown: boolean): string {
  const dash = (value: number | null, show: (value: number) => string) => (value === null ? "-" : show(value));
  const titles = ["plan", "average bits", "MB", "KL to float", "same top token", "perplexity", "tokens/s"];
  return renderTable(
    titles.map((title, column) => ({ title, align: column > 0 ? "right" : "left" })),
    rows.map((row) => [
      row.plan,
      row.averageBits.toFixed(3),
      (row.trueBytes / 1e6).toFixed(2),
      dash(row.kl, (kl) => kl.toFixed(4)),
      dash(row.sameTop, (share) => `${(100 * share).toFixed(1)} %`),
      row.perplexity.toFixed(3),
      row.tokensPerSecond.toFixed(0),
    ]),
    { markdown },
  );
}

/** Lets the 3-bit model write a story, which is shown as it comes. */
async function tellStory(session: CommandSession, folder: string, maxTokens: number): Promise<string> {
  const { openModel } = await import("../input/open-model.ts");
  const { generate } = await import("../../runtime/generate.ts");
  await using model = await openModel({ ...session, report: () => {} }, folder);
  session.output.piece(`\n${styled("bold", "A story by the 3-bit model:")}\n\n${PROMPT}`);
  const settings = { maxTokens, temperature: 0.8, topP: 0.95, seed: session.options.seed + 7, signal: session.signal };
  let story = PROMPT;
  for await (const { text } of generate(model, PROMPT, settings)) {
    story += text;
    session.output.piece(text);
  }
  return story;
}
