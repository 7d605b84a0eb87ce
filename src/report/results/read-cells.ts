/** Reads the results of sweeps: one cell a line, every field that the report reads checked. */
import * as v from "valibot";
import { FormatError } from "../../base/errors.ts";
import { asObject, type JsonValue, parseJson } from "../../base/json.ts";
import { schemaError } from "../../base/schema-error.ts";
import type {
  BlockLine,
  CellDesign,
  CellFacts,
  ExpertLine,
  FloatMeasures,
  FloatStructure,
  KlMetric,
  LossLine,
  OutlierLine,
  PerplexityMetric,
  PlaceLine,
  PlanMeasures,
  TaskScore,
  TasksMetric,
} from "./cell-line.ts";
import { overTexts } from "./over-texts.ts";

/** Marks fields as optional: older results and those of other programs lack them. */
type MaybeMissing<Fields, Missing extends keyof Fields> = Omit<Fields, Missing> & Partial<Pick<Fields, Missing>>;

type ReadKl = MaybeMissing<KlMetric, "tokens" | "sameTop" | "perplexityRatio">;
type ReadNll = MaybeMissing<PerplexityMetric, "perplexity" | "nllStdErr" | "scoredTokens">;
type ReadScore = MaybeMissing<TaskScore, "metric">;
type ReadTasks = Readonly<Record<string, ReadScore>>;

/** A cell as the report uses it: its metrics sorted by what they measure. */
export interface MeasuredCell
  extends Omit<CellFacts, "timing">,
    CellDesign,
    FloatStructure,
    Omit<FloatMeasures & PlanMeasures, Reshaped> {
  readonly losses: readonly MaybeMissing<LossLine, "rtnLoss">[];
  readonly experts: readonly MaybeMissing<ExpertLine, "gateSum">[];
  /** Over all texts on which plans are compared. */
  readonly kl?: ReadKl;
  /** Over texts of the kind that damages were measured on, if the sweep has some. */
  readonly klForPrediction?: ReadKl;
  /** KL of each text, by the name of its metric. */
  readonly texts: ReadonlyMap<string, ReadKl>;
  readonly nll?: ReadNll;
  /** Scores of all metrics of type `tasks`, by task. */
  readonly tasks?: ReadTasks;
  /** Name of the file of results, without its ending. */
  readonly file: string;
  /** A sweep's own lines have none: they are the same whatever command wrote them. */
  readonly command: string | null;
  readonly seconds: number;
}

type Reshaped = keyof FloatStructure | "metrics" | "losses" | "experts" | "starved";

/** @param file names the text in errors. Empty lines are passed over. */
export function readCells(text: string, file: string): MeasuredCell[] {
  return text.split("\n").flatMap((line, i) => (line.trim() === "" ? [] : [readCell(line, i + 1, file)]));
}

function readCell(line: string, number: number, file: string): MeasuredCell {
  const where = `${file}: line ${number}`;
  let json: JsonValue;
  try {
    json = parseJson(line, file, undefined, number);
  } catch (cause) {
    throw new FormatError(where, "found text that is no JSON, expected a cell of a sweep", { cause });
  }
  const { metrics, timing, starved: _, ...cell } = checked(CELL, asObject(json, where), where);
  const read = <Schema extends v.GenericSchema>(schema: Schema, type: string) =>
    Object.entries(metrics)
      .filter(([, value]) => value.type === type)
      .map(([name, value]) => [name, checked(schema, value, where, ["metrics", name])] as const);
  const kls = read(KL, "kl");
  const texts = new Map(kls.filter(([, { forPrediction }]) => forPrediction !== true));
  const [[, nll] = []] = read(PERPLEXITY, "perplexity");
  const kl = overTexts<ReadKl>([...texts.values()]);
  const klForPrediction = overTexts<ReadKl>(kls.flatMap(([, value]) => (value.forPrediction === true ? [value] : [])));
  const tasks = mergeTasks(read(TASKS, "tasks"));
  return { ...cell, kl, klForPrediction, texts, nll, tasks, file: nameOf(file), seconds: timing.seconds };
}

function nameOf(file: string): string {
  return (file.split(/[/\\]/).at(-1) ?? file).replace(/\.jsonl(?:\.gz)?$/, "");
}

/** A task that two metrics have is named after the second one too. */
function mergeTasks(
  metrics: readonly (readonly [metric: string, { readonly tasks: ReadTasks }])[],
): MeasuredCell["tasks"] {
  const merged = new Map<string, ReadScore>();
  for (const [metric, { tasks }] of metrics)
    for (const [task, score] of Object.entries(tasks))
      merged.set(merged.has(task) ? `${task} (${metric})` : task, score);
  return merged.size === 0 ? undefined : Object.fromEntries(merged);
}

function checked<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  where: string,
  within?: readonly string[],
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  throw schemaError(result.issues, { where, within });
}

// Schemas: each message is what was expected. A field that a sweep writes and its schema lacks, or the other way round, is a type
// error. Fields of other programs are passed over.

const text = v.string("text");
const number = v.number("a number");
const size = v.pipe(number, v.minValue(0, "a number of at least 0"));
const whole = "a whole number of at least 0";
const count = v.pipe(v.number(whole), v.integer(whole), v.minValue(0, whole));
const optionalText = v.nullish(text, null);
const list = <Item extends v.GenericSchema>(item: Item, expected: string) => v.optional(v.array(item, expected), []);
const object = <Fields extends v.ObjectEntries>(fields: Fields) => v.object(fields, "an object");
const map = <Value extends v.GenericSchema>(value: Value) => v.record(text, value, "an object");

/** A schema for every field of a line, no more and no fewer. */
type SchemaOf<Line> = Readonly<Record<keyof Line, v.GenericSchema>>;

const KL = object({
  mean: size,
  stdErr: size,
  tokens: v.optional(count),
  windows: list(size, "a list of numbers"),
  sameTop: v.optional(size),
  perplexityRatio: v.optional(number),
  forPrediction: v.optional(v.boolean("true or false")),
} satisfies SchemaOf<KlMetric>);

const PERPLEXITY = object({
  perplexity: v.optional(number),
  nll: number,
  nllStdErr: v.optional(number),
  scoredTokens: v.optional(count),
  windows: list(number, "a list of numbers"),
} satisfies SchemaOf<PerplexityMetric>);

const TASK_SCORE = object({
  metric: v.optional(text),
  value: size,
  stdErr: size,
  chance: v.optional(size, 0),
  outcomes: v.optional(v.pipe(text, v.regex(/^[01]*$/, "a 0 or 1 for every item")), ""),
} satisfies SchemaOf<TaskScore>);

const TASKS = object({ tasks: map(TASK_SCORE) } satisfies SchemaOf<TasksMetric>);

const LOSS = object({
  layer: count,
  role: text,
  projection: text,
  loss: size,
  rtnLoss: v.optional(size),
} satisfies SchemaOf<LossLine>);

const EXPERT = object({
  layer: count,
  expert: count,
  tokens: size,
  gateSum: v.optional(number),
} satisfies SchemaOf<ExpertLine>);

const BLOCK = object({ layer: count, importance: size } satisfies SchemaOf<BlockLine>);

const OUTLIER = object({ layer: count, role: text, projection: text, score: size } satisfies SchemaOf<OutlierLine>);

const PLACE = object({
  menu: v.array(size, "a list of widths in bits"),
  budget: size,
} satisfies SchemaOf<PlaceLine>);

/** Its other fields are checked by the schema of its type. */
const METRIC = v.pipe(
  v.record(text, v.unknown(), "a metric with its type"),
  v.check(({ type }) => typeof type === "string", "a metric with its type"),
);

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
  strategy: optionalText,
  family: optionalText,
  competesAt: list(PLACE, "a list of menus and budgets"),
  averageBits: size,
  trueBytes: v.pipe(size, v.minValue(1, "the bytes of a file")),
  metrics: map(METRIC),
  losses: list(LOSS, "a list of losses"),
  starved: v.optional(count),
  predictedKl: v.optional(number),
  experts: list(EXPERT, "a list of experts"),
  blocks: list(BLOCK, "a list of blocks"),
  outliers: list(OUTLIER, "a list of outlier scores"),
  versions: v.optional(map(v.union([text, number], "text or a number")), {}),
  hashes: v.optional(map(text), {}),
  command: optionalText,
  timing: v.optional(object({ seconds: v.optional(size, 0) }), { seconds: 0 }),
} satisfies SchemaOf<CellFacts & CellDesign & FloatMeasures & PlanMeasures & { readonly command: string }>);
