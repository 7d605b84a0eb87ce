/** `quern inspect`: describes a model without loading its weights. */
import type { Command } from "commander";
import { isBundleName } from "../../files/given/whole-model.ts";
import type { FolderSource } from "../../files/source.ts";
import type { TensorIndex } from "../../format/tensor-index.ts";
import type { ModelFacts } from "../../model/inspect.ts";
import { exampleText, MODEL_SOURCES } from "../options/common-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import { describeModel, type ModelReport } from "../show/model-report.ts";

export function registerInspect(program: Command, run: RunCommand): void {
  program
    .command("inspect")
    .description("Describe a model without loading its weights. A folder with only config.json is enough.")
    .argument("<model>", MODEL_SOURCES)
    .addHelpText("after", exampleText("quern inspect models/fable-mixtral"))
    .action(run(inspect));
}

const inspect: Action<unknown> = async (session, [path]) => {
  const { openFolder } = await import("../input/open-model.ts");
  const { hasWeights } = await import("../../model/model-source.ts");
  const folder = await openFolder(path, session);
  const report = await ((await hasWeights(folder)) ? inspectFiles(session, folder) : inspectConfig(session, folder));
  session.output.result({ ...report }, () => describeModel(path, report));
};

/** A model of which only the configuration is there. */
async function inspectConfig({ options }: CommandSession, folder: FolderSource): Promise<ModelReport> {
  const { readModelShapes } = await import("../../model/model.ts");
  const { inspectShapes } = await import("../../model/inspect.ts");
  const { expectedUse } = await import("../../model/expected-use.ts");
  const { structureFacts } = await import("../../model/structure-facts.ts");
  const { family, config } = await readModelShapes(folder);
  const facts = inspectShapes(family.names.hub, config);
  const expected = expectedUse(config, facts.modules, {
    context: options.context ?? config.maxPositions,
    cache: options.cache,
  });
  return { ...facts, structures: structureFacts(facts.modules), format: "config.json without weights", expected };
}

async function inspectFiles(session: CommandSession, folder: FolderSource): Promise<ModelReport> {
  const { readModelFiles } = await import("../../model/model.ts");
  const { inspectModel } = await import("../../model/inspect.ts");
  const { expectedUse } = await import("../../model/expected-use.ts");
  const { structureFacts } = await import("../../model/structure-facts.ts");
  const { chatTemplateNames } = await import("../../model/text/chat-files.ts");
  const { expectedSpeed } = await import("../show/expected-speed.ts");
  const files = await readModelFiles(folder);
  try {
    const facts = inspectModel(files);
    const use = expectedUse(files.config, facts.modules, {
      context: session.options.context ?? files.config.maxPositions,
      cache: session.options.cache,
    });
    const names = await files.folder.list();
    return {
      ...facts,
      structures: structureFacts(facts.modules),
      format: formatOf(files.index, facts),
      hasTokenizer: names.includes("tokenizer.json"),
      chatTemplates: await chatTemplateNames(files.folder),
      expected: { ...use, ...(await expectedSpeed(session.options, files, use)) },
    };
  } finally {
    await files.index.close();
  }
}

/** The container of the weights, and the way in which most of them are stored. */
function formatOf(index: TensorIndex, { modules }: ModelFacts): string {
  const [{ source }] = index.entries.values();
  if (/\.gguf$/i.test(source.name)) return "GGUF";
  if (isBundleName(source.name)) return "bundle";
  return modules.some(({ type }) => type.endsWith("GPTQ")) ? "GPTQ in safetensors" : "safetensors";
}
