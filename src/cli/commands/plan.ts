/** `quern plan`: chooses bits for every linear and writes them as a document for `quantize --plan`. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import { jsonText } from "../../base/json-text.ts";
import type { CurvePoint } from "../../compress/plan/knapsack-plan.ts";
import type { SizedPlan } from "../../compress/plan/plan-context.ts";
import type { ModelShapes } from "../../compress/recipe/model-shapes.ts";
import { PLAIN_NEEDS } from "../../compress/windows/batch-room.ts";
import type { OutputFile } from "../../files/output.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { PlanModule } from "../../policy/bit-plan.ts";
import type { Policy } from "../../policy/policy.ts";
import {
  addCalibrationOptions,
  type CalibrationSource,
  givesCalibration,
  prepareCalibration,
} from "../input/calibration-input.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import type { DamageSource } from "../input/damage-input.ts";
import type { OpenedFiles } from "../input/open-model.ts";
import { addPolicyOptions, decidedPlan, type PlannedOptions, planContext, readPolicy } from "../input/policy-input.ts";
import { exampleText, MODEL_SOURCES } from "../options/common-options.ts";
import { addGridOptions, checkModelGrid } from "../options/gptq-options.ts";
import { addBlockMemoryOption, blockPaging } from "../options/memory-option.ts";
import { addOuterOptions, outerBits } from "../options/outer-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import { renderTable } from "../show/text-table.ts";

interface Options extends PlannedOptions {
  readonly policy: string;
  readonly curve?: string;
  readonly output?: string;
}

const EXAMPLE = `quern plan models/fable-mixtral --policy attention:4,base:2+outlier:25%@4 --output out/plan.json
  quern plan models/fable-mixtral --policy knapsack --budget 5.2MB --self --output out/best.json`;

export function registerPlan(program: Command, run: RunCommand): void {
  const command = program
    .command("plan")
    .description("Choose bits for every linear. Average bits and exact bytes are known before anything is quantised.")
    .argument("<model>", `float model: ${MODEL_SOURCES}; a folder with only config.json is enough`)
    .requiredOption("--policy <text>", "bit plan in one line, such as attention:4,base:2+frequency:2@4");
  addPolicyOptions(command)
    .option("--output <path>", "plan to write (JSON)")
    .option("--curve <path>", "file to write the bytes and damage of every budget to, for policy knapsack (JSON)");
  addBlockMemoryOption(addOuterOptions(addCalibrationOptions(command, "--calibration")));
  addGridOptions(command).addHelpText("after", exampleText(EXAMPLE));
  command.action(run(plan));
}

const plan: Action<Options> = async (session, [path], options) => {
  const { openShapes } = await import("../input/open-model.ts");
  const { planModulesWithOuter } = await import("../../compress/recipe/model-shapes.ts");
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const policy = readPolicy(options.policy, options);
  checkModelGrid(options);
  if (options.curve !== undefined && policy.kind !== "knapsack")
    throw new UsageError("--curve", `policy ${policy.text}`, "policy knapsack");
  const { output: file, curve: curveFile, stats, calibration: texts = [], idsFile } = options;
  // Damages that are measured are kept in the statistics file: an input that may change.
  const inputs = [path, stats, ...texts, idsFile];
  await using _claim = await claimOutputs({ outputs: [file, curveFile], inputs });
  const calibration = givesCalibration(options)
    ? await prepareCalibration(session, options, policy.kind === "knapsack" ? PLAIN_NEEDS : undefined)
    : undefined;
  const open = (file: string | undefined) => (file === undefined ? undefined : nodeOutputFile(file, session.options));
  await using output = await open(options.output);
  await using curveOutput = await open(options.curve);
  await using opened = await openShapes(session, path);
  const { shapes } = opened;
  const { document, curve } = await decide(session, path, { ...opened, calibration }, options, policy);
  if (shapes.source === "configuration")
    session.note(`${path}: found no weights, so bytes are those of a model whose float parts have 16 bits`);
  await writeJson(curveOutput, curve);
  await writeJson(output, document);
  const told = { ...document, output: options.output ?? null, floatParts: shapes.source };
  const modules = planModulesWithOuter(shapes).filter(({ name }) => Object.hasOwn(document.resolved, name));
  session.output.result(told, () => describe(path, document, modules));
};

/** The plan and, for policy knapsack, the plans of all other budgets. */
async function decide(
  session: CommandSession,
  path: string,
  opened: { readonly shapes: ModelShapes; readonly files?: ModelFiles; readonly calibration?: CalibrationSource },
  options: Options,
  policy: Policy,
): Promise<{ readonly document: SizedPlan; readonly curve: readonly CurvePoint[] }> {
  const { openFiles } = await import("../input/open-model.ts");
  const { budgetCurve } = await import("../../compress/plan/knapsack-plan.ts");
  const { toldBits } = await import("../../compress/plan/outer-choice.ts");
  const { calibration } = opened;
  const context = await planContext(session, opened, options);
  const outer = toldBits(outerBits(options));
  let measured: OpenedFiles | undefined;
  let curve: readonly CurvePoint[] = [];
  const menu = policy.kind === "knapsack" && policy.menu !== undefined ? { menu: policy.menu } : {};
  const measureOn = async (source: CalibrationSource) => {
    measured ??= await openFiles(session, path, { activations: "f32", ...blockPaging(options) });
    const windows = await source(measured);
    return { model: await measured.load(), windows };
  };
  const measuring = calibration && (() => measureOn(calibration));
  const onDamages: DamageSource["onDamages"] = (damages, chosen) => {
    if (options.curve !== undefined) curve = budgetCurve({ ...context, outer }, damages, { ...chosen, ...menu });
  };
  try {
    const document = await decidedPlan(session, options, { policy, context, measureOn: measuring, onDamages });
    return { document, curve };
  } finally {
    await measured?.[Symbol.asyncDispose]();
  }
}

async function writeJson(output: OutputFile | undefined, value: unknown): Promise<void> {
  await output?.write(new TextEncoder().encode(jsonText(value)));
  await output?.commit();
}

/** A table of the number of linears of each role and projection by bits. */
function describe(path: string, plan: SizedPlan, modules: readonly PlanModule[]): string {
  const widths = [...new Set(Object.values(plan.resolved))].sort((a, b) => a - b);
  const classes = new Map<string, readonly PlanModule[]>();
  for (const module of modules) {
    const key = `${module.role}/${module.projection}`;
    classes.set(key, [...(classes.get(key) ?? []), module]);
  }
  const rows = [...classes.values()].map((members) => [
    members[0].role,
    members[0].projection,
    ...widths.map((bits) => String(members.filter(({ name }) => plan.resolved[name] === bits).length)),
  ]);
  const titles = ["role", "projection", ...widths.map((bits) => `${bits} bits`)];
  const table = renderTable(
    titles.map((title, column) => ({ title, align: column > 1 ? "right" : "left" })),
    rows,
  );
  const group = plan.groupSize === -1 ? "whole rows" : `groups of ${plan.groupSize}`;
  const sizes = `${plan.averageBits.toFixed(4)} average bits, ${plan.trueBytes} bytes (${group})`;
  return `${path}: ${plan.policy}\n${sizes}\n\n${table}`;
}
