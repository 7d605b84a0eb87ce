/** `quern quantize-matrix`: quantises one matrix by GPTQ, for studies and tests. */
import { basename } from "node:path";
import type { Command } from "commander";
import { FormatError, ShapeError, UsageError } from "../../base/errors.ts";
import { DEFAULTS, gridOver } from "../../compress/recipe/choose-grid.ts";
import { clipSearchOf, DEFAULT_GRID } from "../../compress/recipe/settings.ts";
import type { TensorIndex } from "../../format/tensor-index.ts";
import { claimOutputs } from "../input/claim-outputs.ts";
import { withFile } from "../input/input-file.ts";
import { exampleText, oneOf } from "../options/common-options.ts";
import { addBitsOption, addGridOptions, type GridCommandOptions, gridWish } from "../options/gptq-options.ts";
import type { Action, RunCommand } from "../session/command-session.ts";

interface Options extends GridCommandOptions {
  readonly output: string;
  readonly scaleRounding: "f16" | "f32";
}

const EXAMPLE =
  "quern quantize-matrix test/fixtures/gptq/b3-sym-g32-gar.safetensors --bits 3 --group-size 32 --output out/matrix.safetensors";

export function registerQuantizeMatrix(program: Command, run: RunCommand): void {
  const command = program
    .command("quantize-matrix")
    .description("Quantise one matrix W [N,K] for inputs X [T,K]. GPTQ is used however few tokens there are.")
    .argument("<case>", ".safetensors file with W and X, float32")
    .requiredOption("--output <path>", "file to write (.safetensors)");
  addGridOptions(addBitsOption(command))
    .option("--scale-rounding <f16|f32>", "type of the scales", oneOf("--scale-rounding", ["f16", "f32"]), "f16")
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(quantizeMatrixCommand));
}

const quantizeMatrixCommand: Action<Options> = async (session, [path], options) => {
  const { nodeOutputFile } = await import("../../adapter/node-output.ts");
  const { openSafetensors } = await import("../../format/safetensors.ts");
  const { quantizeMatrix } = await import("../../quant/quantize-matrix.ts");
  const { openMachine } = await import("../input/open-model.ts");
  const { Turns } = await import("../../base/turns.ts");
  if (options.gateWeighted !== undefined || options.errorFeedback !== undefined)
    throw new UsageError(
      "quantize-matrix",
      "--gate-weighted or --error-feedback",
      "only options that apply to a single matrix",
    );
  const { gateWeighted: _, errorFeedback: __, ...grid } = gridOver(DEFAULT_GRID, gridWish(options));
  await using _claim = await claimOutputs({ outputs: [options.output], inputs: [path] });
  await using output = await nodeOutputFile(options.output, session.options);
  const { W, X, rows, cols, tokens } = await withFile(path, async (source) => readCase(await openSafetensors(source)));
  const { groupSize, scaleRounding, bits = DEFAULTS.bits } = options;
  checkGroup(groupSize, cols);
  const input = { weights: W, inputs: X, rows, cols, tokens };
  await using machine = await openMachine(session);
  const turns = new Turns(session.signal);
  const clip = clipSearchOf(grid, bits, grid.method);
  const result = await quantizeMatrix(machine, input, { ...grid, clip, bits, groupSize, scaleRounding, turns });
  await writeResult(output, result, rows, cols);
  await output.commit();
  const { loss, outputError, rtnOutputError, lambda, damp } = result;
  const numbers = { loss, outputError, rtnOutputError, lambda };
  session.output.result({ ...numbers, method: result.method, damp, output: options.output }, () =>
    [
      `${basename(path)}: ${rows} x ${cols}, ${tokens} tokens, ${bits} bits by ${result.method}`,
      `loss ${loss}`,
      `output error ${outputError}, plain rounding ${rtnOutputError}`,
      `lambda ${lambda} (damp ${damp})`,
    ].join("\n"),
  );
};

function checkGroup(groupSize: number, cols: number): void {
  if (groupSize !== -1 && cols % groupSize !== 0)
    throw new UsageError("--group-size", String(groupSize), `a number that divides the ${cols} columns of W, or row`);
}

interface Case {
  readonly W: Float32Array;
  readonly X: Float32Array;
  readonly rows: number;
  readonly cols: number;
  readonly tokens: number;
}

async function readCase(file: TensorIndex): Promise<Case> {
  const W = await readMatrix(file, "W");
  const X = await readMatrix(file, "X");
  if (X.cols !== W.cols) throw new ShapeError(`${file.name}: tensor X`, [X.rows, W.cols], [X.rows, X.cols]);
  return { W: W.data, X: X.data, rows: W.rows, cols: W.cols, tokens: X.rows };
}

async function readMatrix(
  file: TensorIndex,
  name: string,
): Promise<{ data: Float32Array; rows: number; cols: number }> {
  const { readTensor, requireTensor } = await import("../../format/tensor-index.ts");
  const entry = requireTensor(file, name);
  const where = `${file.name}: tensor ${name}`;
  if (entry.dtype !== "F32" || entry.shape.length !== 2 || entry.shape.includes(0))
    throw new FormatError(
      where,
      `found ${entry.dtype} [${entry.shape.join(", ")}], expected F32 with two dimensions, none 0`,
    );
  const bytes = new Uint8Array(entry.byteLength);
  await readTensor(entry, bytes);
  return { data: new Float32Array(bytes.buffer), rows: entry.shape[0], cols: entry.shape[1] };
}

type Result = Awaited<ReturnType<typeof import("../../quant/quantize-matrix.ts").quantizeMatrix>>;

async function writeResult(
  output: import("../../files/output.ts").FileSink,
  result: Result,
  rows: number,
  cols: number,
): Promise<void> {
  const { tensorOf, writeSafetensors } = await import("../../format/safetensors-writer.ts");
  const { groups } = result.matrix;
  await writeSafetensors(output, [
    tensorOf("codes", "U8", [rows, cols], result.codes),
    tensorOf("scales", "F32", [rows, groups], result.scales),
    tensorOf("zeros", "U8", [rows, groups], result.zeros),
    tensorOf("g_idx", "I32", [cols], result.gIdx),
    tensorOf("perm", "I32", [cols], result.perm),
    tensorOf("dequantised", "F32", [rows, cols], result.dequantised),
  ]);
}
