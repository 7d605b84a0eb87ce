/** The options that every command knows, and how option values are read. */
import { type Command, Option } from "commander";
import { UsageError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import type { StudyActivations } from "../../nn/emit.ts";
import { defaultThreads, MAX_THREADS } from "../../wasm/features.ts";

export type ActivationsOption = "f32" | "int16" | "int8";
export type KernelsOption = "auto" | "base" | "relaxed" | "reference";

/** The common options after parsing. Undefined ones get their defaults once the model is known. */
export interface CommonOptions {
  readonly threads: number;
  readonly activations: ActivationsOption | undefined;
  readonly activationGroup: 32 | 64 | "weight";
  readonly cache: "f32" | "f16";
  readonly kernels: KernelsOption;
  readonly seed: number;
  readonly context: number | undefined;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly force: boolean;
  readonly debug: boolean;
}

/** What MODEL may be. */
export const MODEL_SOURCES = "folder, .gguf or .quern file, URL of one, or hf:owner/name";

/** Adds the common options after the command's own options, under their own heading. */
export function addCommonOptions(command: Command): void {
  const cores = defaultThreads();
  const options = [
    new Option("--threads <n>", "threads to compute with")
      .argParser(integerIn("--threads", 1, MAX_THREADS))
      .default(cores, `the cores, here ${cores}`),
    new Option(
      "--activations <f32|int16|int8>",
      "arithmetic of the linears (default: int8 for integer weights, f32 for floats, MXFP4 included)",
    ).argParser(oneOf("--activations", ["f32", "int16", "int8"])),
    new Option(
      "--activation-group <32|64|weight>",
      "inputs that share a scale in int8 and int16; weight: as many as in a group of the weights",
    )
      .argParser(activationGroup)
      .default(32),
    new Option("--cache <f32|f16>", "numbers of the keys and values of earlier tokens; f16 takes half of the memory")
      .argParser(oneOf("--cache", ["f32", "f16"]))
      .default("f32"),
    new Option(
      "--kernels <auto|base|relaxed|reference>",
      "build of the kernels; all give the same bits (reference is for tests only and is refused)",
    )
      .argParser(oneOf("--kernels", ["auto", "base", "relaxed", "reference"]))
      .default("auto"),
    new Option("--seed <n>", "seed of everything random").argParser(integerIn("--seed", 0, 2 ** 32 - 1)).default(0),
    new Option(
      "--context <n>",
      "longest text, in tokens, to reserve memory for (default: what the model and the command need)",
    ).argParser(integerIn("--context", 1, 2 ** 24)),
    new Option("--json", "print exactly one JSON document"),
    new Option("--quiet", "no progress, notes or warnings"),
    new Option("--force", "overwrite an output that exists"),
    new Option("--debug", "print the stack trace of an error"),
  ];
  // A sweep has its own `--cache`, and computes with keys and values of f32.
  const own = new Set(command.options.map(({ long }) => long));
  for (const option of options) if (!own.has(option.long)) command.addOption(option.helpGroup("Common options:"));
}

/** Takes the common options from a command that has parsed its arguments. */
export function commonOptionsOf(command: Command): CommonOptions {
  const known: CommonOptions = command.opts();
  const cache = command.options.find(({ long }) => long === "--cache");
  return {
    threads: known.threads,
    activations: known.activations,
    activationGroup: known.activationGroup,
    cache: cache?.helpGroupHeading === undefined ? "f32" : known.cache,
    kernels: known.kernels,
    seed: known.seed,
    context: known.context,
    json: known.json === true,
    quiet: known.quiet === true,
    force: known.force === true,
    debug: known.debug === true,
  };
}

/** Reads a whole number between `min` and `max`, both allowed. */
export function integerIn(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new UsageError(option, quoted(text), `a whole number from ${min} to ${max}`);
  };
}

/** Reads whole numbers from `min` on, such as `128,512`. */
export function wholeNumbers(option: string, min: number): (text: string) => readonly number[] {
  const read = integerIn(option, min, 2 ** 24);
  return (text) => text.split(",").map(read);
}

/** An end of a range is allowed itself (`from`, `to`) or not (`above`, `below`). */
export interface NumberRange {
  readonly from?: number;
  readonly above?: number;
  readonly to?: number;
  readonly below?: number;
}

/** Reads a finite number in the range. */
export function numberIn(option: string, range: NumberRange): (text: string) => number {
  const { from = Number.NEGATIVE_INFINITY, above = Number.NEGATIVE_INFINITY } = range;
  const { to = Number.POSITIVE_INFINITY, below = Number.POSITIVE_INFINITY } = range;
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (Number.isFinite(value) && value >= from && value > above && value <= to && value < below) return value;
    const ends = Object.entries(range).map(([word, end]) => `${word} ${end}`);
    throw new UsageError(option, quoted(text), `a number ${ends.join(", ")}`);
  };
}

/** Reads one of a few words. */
export function oneOf<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new UsageError(option, quoted(text), `one of ${words.join(", ")}`);
  };
}

/** How a study rounds inputs, such as `int4/token`. */
export type StudyOption = Pick<StudyActivations, "mode" | "bits" | "group">;

/** Adds `--study-activations`; `meaning` says what they are for. */
export function addStudyOption(command: Command, meaning: string): Command {
  return command.option("--study-activations <int4|int8/token|32|64|128>", meaning, studyActivations);
}

function studyActivations(text: string): StudyOption {
  const found = studyRounding(text);
  if (found === undefined)
    throw new UsageError("--study-activations", quoted(text), "int4 or int8, then /token, /32, /64 or /128");
  return found;
}

/** Reads a text such as `int4/token`; undefined for any other text. */
export function studyRounding(text: string): StudyOption | undefined {
  const found = /^int([48])\/(token|32|64|128)$/.exec(text);
  if (found === null) return undefined;
  const [, bits, group] = found;
  return {
    mode: "study",
    bits: bits === "4" ? 4 : 8,
    group: group === "token" ? group : (Number(group) as 32 | 64 | 128),
  };
}

/** @throws UsageError if `--activations` and `--study-activations` are both given. */
export function checkStudy({ activations }: CommonOptions, study: StudyOption | undefined): void {
  if (study !== undefined && activations !== undefined)
    throw new UsageError("--study-activations", `--activations ${activations} too`, "one of the two");
}

function activationGroup(text: string): 32 | 64 | "weight" {
  const word = oneOf("--activation-group", ["32", "64", "weight"])(text);
  return word === "weight" ? word : word === "64" ? 64 : 32;
}

/** The example that closes a command's help. */
export function exampleText(example: string): string {
  return `\nExample:\n  ${example}`;
}
