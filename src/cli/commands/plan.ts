/** `quern plan`: bits for every linear, as a document that `quantize --plan` takes. */
import type { Command } from "commander";
import type { SizedPlan } from "../../compress/plan.ts";
import type { PlanModule } from "../../quant/bit-plan.ts";
import { addGridOptions, checkGridOptions, type GridCommandOptions } from "../gptq-options.ts";
import { exampleText } from "../options.ts";
import { addPolicyOptions, type PolicyOptions, planContext } from "../policy-options.ts";
import type { Action, RunCommand } from "../session.ts";
import { renderTable } from "../table.ts";

interface Options extends GridCommandOptions, PolicyOptions {
  readonly policy: string;
  readonly output?: string;
}

export function registerPlan(program: Command, run: RunCommand): void {
  const command = program
    .command("plan")
    .description("Choose bits for every linear, and tell average bits and exact bytes before anything is quantised.")
    .argument("<model>", "float model folder; one with only config.json will do")
    .requiredOption("--policy <text>", "bit plan in one line, such as attention:4,base:2+frequency:2@4");
  addGridOptions(addPolicyOptions(command).option("--output <path>", "plan to write (JSON)")).addHelpText(
    "after",
    exampleText("quern plan models/fable-mixtral --policy attention:4,base:2+outlier:25%@4 --output out/plan.json"),
  );
  command.action(run(plan));
}

const plan: Action<Options> = async (session, [path], options) => {
  const { openShapes } = await import("../open.ts");
  const { parsePolicy } = await import("../../quant/policy.ts");
  const { planFor } = await import("../../compress/plan.ts");
  const { planModulesOf } = await import("../../compress/shapes.ts");
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const policy = parsePolicy(options.policy);
  checkGridOptions(options);
  await using output = options.output === undefined ? undefined : await nodeOutputFile(options.output, session.options);
  await using opened = await openShapes(path);
  const { shapes } = opened;
  const document = await planFor(policy, await planContext(session, opened, options));
  if (shapes.source === "configuration")
    session.note(`${path}: found no weights, so bytes are those of a model whose float parts have 16 bits`);
  if (output !== undefined) {
    await output.write(new TextEncoder().encode(`${JSON.stringify(document, null, 2)}\n`));
    await output.commit();
  }
  const told = { ...document, output: options.output ?? null, floatParts: shapes.source };
  session.output.result(told, () => describe(path, document, planModulesOf(shapes)));
};

/** How many linears of each role and projection have which bits. */
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
