/** The lines of a sweep's result file: one a cell, every field that the report reads checked. */
import * as v from "valibot";
import { FormatError } from "../../base/errors.ts";
import { asObject, describeJson, type JsonValue, parseJson } from "../../base/json.ts";

export interface KlMetric {
  readonly mean: number;
  readonly stdErr: number;
  /** Mean KL of every window, in the order of the text. */
  readonly windows: readonly number[];
  readonly sameTop?: number;
}

export interface NllMetric {
  readonly nll: number;
  /** Mean NLL of every window, in the order of the text. */
  readonly windows: readonly number[];
}

export interface TaskScore {
  readonly value: number;
  readonly stdErr: number;
  readonly chance: number;
  /** A digit an item, 1 where it was right; empty where a sweep kept none. */
  readonly outcomes: string;
}

/** One model under one plan, measured once: one draw of the calibration tokens, one seed. */
export interface Cell {
  readonly key: string;
  readonly model: string;
  readonly plan: string;
  readonly policy: string;
  /** The plan of as many bytes, drawn at random, that this one has to beat. */
  readonly control: string | null;
  readonly grid: string | null;
  readonly calibration: string | null;
  readonly seed: number | null;
  /** The plan's own, while it was measured; null where the sweep's served all plans. */
  readonly activations: string | null;
  readonly averageBits: number;
  readonly trueBytes: number;
  readonly kl?: KlMetric;
  readonly nll?: NllMetric;
  /** Of all metrics that are tasks. */
  readonly tasks?: Readonly<Record<string, TaskScore>>;
  readonly losses: readonly Loss[];
  readonly experts: readonly ExpertUse[];
  readonly versions: Readonly<Record<string, string | number>>;
  readonly hashes: Readonly<Record<string, string>>;
  readonly command: string | null;
  readonly seconds: number;
}

/** Of one linear. */
export interface Loss {
  readonly layer: number;
  readonly role: string;
  readonly projection: string;
  readonly loss: number;
}

export interface ExpertUse {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
}

/** @param file names the text in errors. Empty lines are passed over. */
export function parseCells(text: string, file: string): Cell[] {
  return text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [parseCell(line, i + 1, file)]));
}

function parseCell(line: string, number: number, file: string): Cell {
  const where = `${file}: line ${number}`;
  let json: JsonValue;
  try {
    json = parseJson(line, file, undefined, number);
  } catch (cause) {
    throw new FormatError(where, "found text that is no JSON, expected a cell of a sweep", { cause });
  }
  const { metrics, timing, ...cell } = checked(CELL, asObject(json, where), where, "");
  const read = <Schema extends v.GenericSchema>(schema: Schema, type: string) =>
    Object.entries(metrics)
      .filter(([, value]) => value.type === type)
      .map(([name, value]) => [name, checked(schema, value as JsonValue, where, `metrics.${name}.`)] as const);
  const [[, kl] = []] = read(KL, "kl");
  const [[, nll] = []] = read(PERPLEXITY, "perplexity");
  const tasks = mergeTasks(read(TASKS, "tasks"));
  return { ...cell, kl, nll, tasks, seconds: timing.seconds };
}

/** A task that two metrics have bears the second one's name too. */
function mergeTasks(metrics: readonly (readonly [string, v.InferOutput<typeof TASKS>])[]): Cell["tasks"] {
  const merged = new Map<string, TaskScore>();
  for (const [metric, { tasks }] of metrics)
    for (const [task, score] of Object.entries(tasks))
      merged.set(merged.has(task) ? `${task} (${metric})` : task, score);
  return merged.size === 0 ? undefined : Object.fromEntries(merged);
}

function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  value: JsonValue,
  where: string,
  prefix: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue);
  const at = path === null ? "" : ` at ${prefix}${path}`;
  const expected = issue.input === undefined ? "this field of a cell" : issue.message;
  throw new FormatError(where, `found ${describeJson(issue.input as JsonValue)}${at}, expected ${expected}`);
}

// Schemas: each message is what was expected. Fields that they do not name are passed over.

const text = v.string("text");
const number = v.number("a number");
const size = v.pipe(number, v.minValue(0, "a number of at least 0"));
const sizes = v.array(size, "a list of numbers");
const whole = "a whole number of at least 0";
const count = v.pipe(v.number(whole), v.integer(whole), v.minValue(0, whole));
const optionalText = v.nullish(text, null);
const object = <Fields extends v.ObjectEntries>(fields: Fields) => v.object(fields, "an object");
const map = <Value extends v.GenericSchema>(value: Value) => v.record(text, value, "an object");

const KL = object({ mean: size, stdErr: size, windows: v.optional(sizes, []), sameTop: v.optional(size) });
const PERPLEXITY = object({ nll: number, windows: v.optional(v.array(number, "a list of numbers"), []) });
const OUTCOMES = v.pipe(text, v.regex(/^[01]*$/, "a 0 or 1 for every item"));
const TASKS = object({
  tasks: map(object({ value: size, stdErr: size, chance: v.optional(size, 0), outcomes: v.optional(OUTCOMES, "") })),
});
const LOSS = object({ layer: count, role: text, projection: text, loss: size });
const EXPERT = object({ layer: count, expert: count, tokens: size });

const CELL = object({
  key: text,
  model: text,
  plan: text,
  policy: v.optional(text, ""),
  control: optionalText,
  grid: optionalText,
  calibration: optionalText,
  seed: v.nullish(count, null),
  activations: optionalText,
  averageBits: size,
  trueBytes: v.pipe(size, v.minValue(1, "the bytes of a file")),
  metrics: map(v.looseObject({ type: text }, "a metric with its type")),
  losses: v.optional(v.array(LOSS, "a list of losses"), []),
  experts: v.optional(v.array(EXPERT, "a list of experts"), []),
  versions: v.optional(map(v.union([text, number], "text or a number")), {}),
  hashes: v.optional(map(text), {}),
  command: optionalText,
  timing: v.optional(object({ seconds: v.optional(size, 0) }), { seconds: 0 }),
});
