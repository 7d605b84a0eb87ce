/** `quern bench`: speed of a model or of the kernels on this machine, and comparisons of two such measurements. */
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import type { BenchReport } from "../../bench/report/bench-report.ts";
import { exampleText, integerIn, MODEL_SOURCES, wholeNumbers } from "../options/common-options.ts";
import { addMemoryOption, type MemoryOption } from "../options/memory-option.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";

interface Options extends MemoryOption {
  readonly prompt?: readonly number[];
  readonly generate?: readonly number[];
  readonly depth?: readonly number[];
  readonly repeat: number;
  readonly matrix: number;
  readonly only?: string;
  readonly profile?: boolean;
  readonly compare?: readonly string[];
  readonly csv?: boolean;
  readonly markdown?: boolean;
}

const EXAMPLE = `quern bench models/fable-mixtral --prompt 64 --generate 16 --repeat 3 --json > first.json
  quern bench models/fable-mixtral --prompt 64 --generate 16 --repeat 3 --json > second.json
  quern bench --compare first.json second.json
  quern bench models/fable-mixtral --profile --prompt 64 --repeat 1`;

export function registerBench(program: Command, run: RunCommand): void {
  const command = program
    .command("bench")
    .description(
      "Measure how fast a model runs here, or the kernels alone, and how near to the machine's ceilings that is. What does not fit in the model's context is left out.",
    )
    .argument("[model]", `${MODEL_SOURCES}; without it, the kernels are measured`)
    .option("--prompt <list>", "tokens of prompts (default: 128,512)", wholeNumbers("--prompt", 1))
    .option("--generate <list>", "numbers of decoded tokens (default: 64,128)", wholeNumbers("--generate", 1))
    .option("--depth <list>", "tokens before each of these (default: 0,1024)", wholeNumbers("--depth", 0))
    .option("--repeat <n>", "samples of each test", integerIn("--repeat", 1, 10_000), 5)
    .option(
      "--matrix <n>",
      "rows and columns of the matrix that GPTQ quantises, a multiple of 128; 0: none",
      integerIn("--matrix", 0, 2 ** 14),
      1024,
    )
    .option("--only <text>", "without MODEL: only kernels whose line contains this text")
    .option("--profile", "tell which kernels the time of a token goes to instead, for the last of --prompt")
    .option("--compare <files...>", "ratios of two results of --json, B to A")
    .option("--csv", "print comma-separated values")
    .option("--markdown", "print the table in markdown");
  addMemoryOption(command).addHelpText("after", exampleText(EXAMPLE)).action(run(benchCommand));
}

const benchCommand: Action<Options> = async (session, [path], options) => {
  const how = checkOptions(session, path, options);
  if (how === "compare") return compareCommand(session, options);
  if (how === "profile") return profileCommand(session, path, options);
  const { describeBench } = await import("../show/bench-table.ts");
  const report = how === "model" ? await benchModel(session, path, options) : await benchAlone(session, options);
  session.output.result({ ...report }, () => describeBench(report, formOf(options)));
};

/** Which of the four things the command is to do. @throws UsageError for options that do not go together. */
function checkOptions({ options: { json } }: CommandSession, path: string | undefined, options: Options) {
  const { compare, profile, only, csv, markdown } = options;
  const forms = [json && "--json", csv && "--csv", markdown && "--markdown"].filter((form) => typeof form === "string");
  if (forms.length > 1) throw new UsageError("quern bench", forms.join(" and "), "one of them");
  if (compare !== undefined) {
    if (path !== undefined) throw new UsageError("--compare", `MODEL ${path} too`, "two files and no model");
    if (compare.length !== 2) throw new UsageError("--compare", `${compare.length} files`, "two, A.json B.json");
    return "compare";
  }
  if (profile && path === undefined)
    throw new UsageError("--profile", "no MODEL", "a model, whose kernels it tells of");
  if (profile && (csv || markdown)) throw new UsageError("--profile", forms[0], "a table or --json");
  if (options.memory !== undefined && (profile || path === undefined))
    throw new UsageError("--memory", profile ? "--profile too" : "no MODEL", "a model to measure, without --profile");
  if (only !== undefined && path !== undefined) throw new UsageError("--only", `MODEL ${path}`, "no model");
  if (path !== undefined) return profile ? "profile" : "model";
  for (const name of ["prompt", "generate", "depth"] as const)
    if (options[name] !== undefined) throw new UsageError(`--${name}`, "no MODEL", "a model to measure");
  return "kernels";
}

async function benchModel(session: CommandSession, path: string, options: Options): Promise<BenchReport> {
  const { openModel } = await import("../input/open-model.ts");
  const { bench } = await import("../../bench/run/bench-model.ts");
  const { prompt, generate, depth, memory } = options;
  return bench(() => openModel(session, path, { memory }), { prompt, generate, depth, ...measuring(session, options) });
}

async function benchAlone(session: CommandSession, options: Options): Promise<BenchReport> {
  const { checkKernels } = await import("../input/open-model.ts");
  const { benchKernels } = await import("../../bench/kernels/bench-kernels.ts");
  const { threads } = session.options;
  const engine = { kernels: checkKernels(session.options), threads, onWarning: session.note };
  return benchKernels({ ...engine, ...measuring(session, options), only: options.only });
}

function measuring({ signal, report }: CommandSession, { repeat, matrix }: Options) {
  return { repeat, matrix, signal, onProgress: report };
}

async function profileCommand(session: CommandSession, path: string, { prompt, repeat }: Options): Promise<void> {
  const { openModel } = await import("../input/open-model.ts");
  const { profile } = await import("../../bench/profile/profile.ts");
  const { describeProfile } = await import("../show/profile-table.ts");
  const { engineInfo } = await import("../../runtime/language-model.ts");
  const { signal, report: onProgress } = session;
  await using model = await openModel(session, path);
  const found = await profile(model, { prompt: prompt?.at(-1), repeat, signal, onProgress });
  const engine = engineInfo(model);
  session.output.result({ engine, ...found }, () => describeProfile(engine, found));
}

async function compareCommand(session: CommandSession, options: Options): Promise<void> {
  const { withFile } = await import("../input/input-file.ts");
  const { readJson } = await import("../../files/json-file.ts");
  const { compareBenches } = await import("../../bench/report/compare-reports.ts");
  const { readBenchReport } = await import("../../bench/report/report-schema.ts");
  const { describeComparison } = await import("../show/bench-table.ts");
  const [a, b] = options.compare as readonly string[];
  const read = async (file: string) => readBenchReport(await withFile(file, (source) => readJson(source)), file);
  const compared = compareBenches(await read(a), await read(b));
  session.output.result({ ...compared }, () => describeComparison(compared, formOf(options)));
}

function formOf({ csv, markdown }: Options): "text" | "csv" | "markdown" {
  if (csv) return "csv";
  return markdown ? "markdown" : "text";
}
