/** `quern inspect`: describes a model without loading its weights. */
import type { Command } from "commander";
import type { ModelFacts, ModuleFacts } from "../../model/inspect.ts";
import { exampleText } from "../options/common-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";
import { renderTable } from "../show/text-table.ts";

export function registerInspect(program: Command, run: RunCommand): void {
  program
    .command("inspect")
    .description("Describe a model without loading its weights. A folder with only config.json is enough.")
    .argument("<model>", "model folder")
    .addHelpText("after", exampleText("quern inspect models/fable-mixtral"))
    .action(run(inspect));
}

const inspect: Action<unknown> = async (session, [path]) => {
  const { openFolder } = await import("../input/open-model.ts");
  const { hasWeights } = await import("../../model/model-source.ts");
  const { readModelFiles, readModelShapes } = await import("../../model/model.ts");
  const { inspectModel, inspectShapes } = await import("../../model/inspect.ts");
  const folder = await openFolder(path);
  let facts: ModelFacts;
  if (await hasWeights(folder)) {
    const files = await readModelFiles(folder);
    facts = inspectModel(files);
    await files.index.close();
  } else {
    const { family, config } = await readModelShapes(folder);
    facts = inspectShapes(family.names.hub, config);
  }
  session.output.result({ ...facts }, () => describe(path, facts));
};

const million = (count: number) => `${(count / 1e6).toFixed(2)} M`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;

function describe(path: string, facts: ModelFacts): string {
  const { modelType, layers, hiddenSize, vocabSize, experts, topK, sharedExperts } = facts;
  const shared = sharedExperts > 0 ? ` and ${sharedExperts} shared` : "";
  const head = [
    `${path}: ${modelType}, ${layers} layers, width ${hiddenSize}, vocabulary ${vocabSize}`,
    experts === 0 ? "experts: none" : `experts: ${experts}, ${topK} a token${shared}`,
    `parameters: ${million(facts.parameters)}, ${million(facts.activeParameters)} active a token`,
    `average bits: ${facts.averageBits.toFixed(4)}; weights on disk: ${megabytes(facts.trueBytes)}`,
  ];
  return `${head.join("\n")}\n\n${classTable(facts.modules)}`;
}

/** One row for each role, projection and kind of storage, so that thousands of experts are a few rows. */
function classTable(modules: readonly ModuleFacts[]): string {
  const classes = new Map<string, { module: ModuleFacts; count: number; bytes: number }>();
  for (const module of modules) {
    const key = [module.role, module.projection, module.bits, module.groupSize, ...module.shape].join("/");
    const known = classes.get(key) ?? { module, count: 0, bytes: 0 };
    classes.set(key, { module, count: known.count + 1, bytes: known.bytes + module.bytes });
  }
  const rows = [...classes.values()].map(({ module, count, bytes }) => [
    module.role,
    module.projection,
    String(count),
    module.shape.join(" x "),
    String(module.bits),
    module.groupSize === null ? "-" : String(module.groupSize),
    megabytes(bytes),
  ]);
  const titles = ["role", "projection", "modules", "shape", "bits", "group", "bytes"];
  return renderTable(
    titles.map((title, column) => ({ title, align: column > 1 ? "right" : "left" })),
    rows,
  );
}
