/** Lists the tests of a model's speed: prompts and decoded tokens of some lengths, after some numbers of tokens. */
import { UsageError } from "../../base/errors.ts";
import { expectedUse } from "../../model/expected-use.ts";
import { activeOf, type ModuleFacts } from "../../model/inspect.ts";
import type { Model } from "../../model/model.ts";
import type { Activations } from "../../nn/emit.ts";
import { type Ceiling, ceilingOfCodes } from "../ceilings.ts";
import type { Limit } from "../report/bench-report.ts";

/** One test of speed, in tokens per second. */
export interface SpeedTest {
  /** llama-bench's name: `pp512`, `tg128 @ d1024`. */
  readonly test: string;
  readonly kind: "prompt" | "generate";
  readonly tokens: number;
  /** Tokens that are in the cache before. */
  readonly depth: number;
}

/** Lengths of prompts, numbers of decoded tokens, and depths. */
export interface SpeedLengths {
  readonly prompt: readonly number[];
  readonly generate: readonly number[];
  readonly depth: readonly number[];
}

/** What is measured unless it is said otherwise: llama-bench's usual columns. */
export const DEFAULT_LENGTHS: SpeedLengths = { prompt: [128, 512], generate: [64, 128], depth: [0, 1024] };

/**
 * All tests of the given lengths, by depth. What is not given has its default, without the tests that do not fit in the context.
 * @throws UsageError for a length that is no whole number, and for a given one that does not fit.
 */
export function speedTests(given: Partial<SpeedLengths>, context: number): readonly SpeedTest[] {
  const { prompt, generate, depth } = { ...DEFAULT_LENGTHS, ...defined(given) };
  checkLengths("prompt", prompt, 1);
  checkLengths("generate", generate, 1);
  checkLengths("depth", depth, 0);
  const tests = depth.flatMap((each) => [
    ...prompt.map((tokens) => testOf("prompt", tokens, each)),
    ...generate.map((tokens) => testOf("generate", tokens, each)),
  ]);
  const fitting = tests.filter(({ tokens, depth }) => tokens + depth <= context);
  const refused = tests.find((test) => isGiven(test, given, fitting) && !fitting.includes(test));
  if (refused !== undefined)
    throw new UsageError(
      `test ${refused.test}`,
      `${refused.tokens + refused.depth} tokens`,
      `at most the context, ${context}`,
    );
  return fitting;
}

/** Whether the caller asked for this test. Of a given depth some tests may be left out, but not all. */
function isGiven({ kind, depth }: SpeedTest, given: Partial<SpeedLengths>, fitting: readonly SpeedTest[]): boolean {
  if (given.depth !== undefined && !fitting.some((test) => test.depth === depth)) return true;
  return given[kind] !== undefined && (depth === 0 || given.depth !== undefined);
}

function defined(given: Partial<SpeedLengths>): Partial<SpeedLengths> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function testOf(kind: SpeedTest["kind"], tokens: number, depth: number): SpeedTest {
  const name = `${kind === "prompt" ? "pp" : "tg"}${tokens}`;
  return { test: depth === 0 ? name : `${name} @ d${depth}`, kind, tokens, depth };
}

function checkLengths(option: keyof SpeedLengths, lengths: readonly number[], least: number): void {
  if (!Array.isArray(lengths)) throw new UsageError(option, typeof lengths, "a list of whole numbers");
  for (const length of lengths)
    if (!Number.isInteger(length) || length < least)
      throw new UsageError(option, String(length), `whole numbers from ${least}`);
}

/** Makes the limits of tests on a model: reading for decoded tokens, arithmetic for prompts. */
export function limitsOf(model: Model, modules: readonly ModuleFacts[]): (test: SpeedTest) => Limit {
  const { config, machine, activations, files } = model;
  const { bytesPerToken, cacheBytesPerToken } = expectedUse(config, modules, { context: 1, cache: model.cache });
  const multiplied = modules.filter(({ role }) => role !== "embedding" && role !== "head");
  const perToken = multiplied.reduce((sum, each) => sum + activeOf(each, each.shape[0] * each.shape[1], config), 0);
  const attended =
    config.mixers.filter((mixer) => mixer !== "conv").length * config.heads * (config.headDim + config.valueDim);
  const widths = files.linears.flatMap(({ stored }) => (stored.kind === "float" ? [] : [stored.bits]));
  const isPacked = 2 * widths.length > files.linears.length;
  const ofCodes = ceilingOfCodes(machine.dots, Math.min(...widths));
  const arithmetic = isPacked ? arithmeticOf(activations.mode, ofCodes) : "f32";
  return ({ kind, tokens, depth }) => {
    const visible = depth + tokens / 2;
    if (kind === "generate") {
      const bytes = bytesPerToken + visible * cacheBytesPerToken;
      return { ceiling: "read", perUnit: ({ read }) => bytes / read };
    }
    const operations = 2 * (perToken + attended * visible);
    return { ceiling: arithmetic, perUnit: (ceilings) => operations / ceilings[arithmetic] };
  };
}

/** The ceiling that matmuls of codes meet in a mode; `ofBytes` is that of int8. */
function arithmeticOf(mode: Activations["mode"], ofBytes: Ceiling): Ceiling {
  if (mode === "f32" || mode === "study") return "f32";
  return mode === "int8" ? ofBytes : "dotI16";
}
