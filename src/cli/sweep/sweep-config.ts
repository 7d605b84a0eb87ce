/** The configuration of a sweep: models x plans x grids x calibration draws x seeds, and what is measured of each. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { fileError } from "../../adapter/file-errors.ts";
import { FormatError } from "../../base/errors.ts";
import { describeJson, type JsonValue, parseJson } from "../../base/json.ts";
import { nearestWord } from "../../base/nearest-word.ts";
import { PLAN_ACTIVATIONS, type PlanActivations } from "./cell-activations.ts";

export interface SweepModel {
  readonly name: string;
  readonly path: string;
}

export interface SweepCalibration {
  readonly name: string;
  readonly idsFile?: string;
  readonly text?: readonly string[];
  readonly self?: boolean;
  readonly samples?: number;
  readonly length?: number;
  readonly seed?: number;
  /** Of a file of windows, only these: [first, number]. */
  readonly windows?: readonly [number, number];
}

export interface SweepGrid {
  readonly name: string;
  readonly preset?: "study";
  readonly groupSize?: number;
  readonly symmetric?: boolean;
  readonly clip?: "none" | "mse" | "hessian";
  readonly actOrder?: "none" | "desc" | "gar";
  readonly gateWeighted?: boolean;
  readonly dampPercent?: number;
  readonly shrinkage?: number;
  readonly errorFeedback?: number;
  readonly method?: "gptq" | "rtn";
}

export interface SweepPlan {
  readonly name: string;
  readonly policy: string;
  /** Of policy knapsack: bits, or bytes with a unit. */
  readonly budget?: string;
  /** Of policy knapsack: the plan whose bytes it may spend, by its name. */
  readonly budgetOf?: string;
  readonly seeds?: readonly number[];
  /** The plan that it is compared with: random, and of as many bytes. */
  readonly control?: string;
  /** While it is measured, in place of the sweep's: `int4/token` and the like round inputs as a study does. */
  readonly activations?: PlanActivations;
}

interface TextMetric {
  readonly name: string;
  readonly text?: string;
  readonly idsFile?: string;
  readonly window?: number;
  readonly limit?: number;
}

export type SweepMetric =
  | (TextMetric & { readonly type: "kl" | "perplexity" })
  | {
      readonly name: string;
      readonly type: "tasks";
      readonly tasks: readonly string[];
      readonly data: string;
      readonly limit?: number;
    };

export interface SweepConfig {
  /** Where an editor finds the schema. */
  readonly $schema?: string;
  readonly models: readonly SweepModel[];
  readonly calibration: readonly SweepCalibration[];
  readonly grids: readonly SweepGrid[];
  readonly plans: readonly SweepPlan[];
  readonly metrics: readonly SweepMetric[];
  readonly activations?: "f32" | "int16" | "int8";
  /** Calibration tokens on which policy knapsack measures KL. */
  readonly sampleTokens?: number;
}

const text = v.pipe(v.string("text"), v.nonEmpty("text that is not empty"));
const count = v.pipe(v.number("a number"), v.integer("a whole number"), v.minValue(0, "a whole number from 0"));
const positive = v.pipe(v.number("a number"), v.integer("a whole number"), v.minValue(1, "a whole number from 1"));
const list = <Item extends v.GenericSchema>(item: Item) =>
  v.pipe(v.array(item, "a list"), v.nonEmpty("a list with something in it"));

const MODEL = v.strictObject({ name: text, path: text }, "an object with name and path");
const CALIBRATION = v.strictObject(
  {
    name: text,
    idsFile: v.optional(text),
    text: v.optional(list(text)),
    self: v.optional(v.boolean("true or false")),
    samples: v.optional(positive),
    length: v.optional(positive),
    seed: v.optional(count),
    /** Of a file of windows, only these: [first, number]. */
    windows: v.optional(v.tuple([count, positive], "two whole numbers")),
  },
  "a calibration draw",
);
const GRID = v.strictObject(
  {
    name: text,
    preset: v.optional(v.picklist(["study"], "study")),
    groupSize: v.optional(v.number("a number")),
    symmetric: v.optional(v.boolean("true or false")),
    clip: v.optional(v.picklist(["none", "mse", "hessian"], "none, mse or hessian")),
    actOrder: v.optional(v.picklist(["none", "desc", "gar"], "none, desc or gar")),
    gateWeighted: v.optional(v.boolean("true or false")),
    dampPercent: v.optional(v.number("a number")),
    shrinkage: v.optional(v.number("a number")),
    errorFeedback: v.optional(v.number("a number")),
    method: v.optional(v.picklist(["gptq", "rtn"], "gptq or rtn")),
  },
  "a grid",
);
const PLAN = v.strictObject(
  {
    name: text,
    policy: text,
    /** Of policy knapsack: bits, bytes with a unit, or the bytes of another plan by its name. */
    budget: v.optional(text),
    budgetOf: v.optional(text),
    seeds: v.optional(list(count)),
    /** The plan that it is compared with: random, and of as many bytes. */
    control: v.optional(text),
    /** While it is measured, in place of the sweep's. */
    activations: v.optional(v.picklist(PLAN_ACTIVATIONS, PLAN_ACTIVATIONS.join(", "))),
  },
  "a plan",
);
const METRIC = v.variant(
  "type",
  [
    v.strictObject({
      ...{ name: text, type: v.literal("kl"), text: v.optional(text), idsFile: v.optional(text) },
      ...{ window: v.optional(positive), limit: v.optional(positive) },
    }),
    v.strictObject({
      ...{ name: text, type: v.literal("perplexity"), text: v.optional(text), idsFile: v.optional(text) },
      ...{ window: v.optional(positive), limit: v.optional(positive) },
    }),
    v.strictObject({
      ...{ name: text, type: v.literal("tasks"), tasks: list(text), data: text, limit: v.optional(positive) },
    }),
  ],
  "a metric with type kl, perplexity or tasks",
);

const SCHEMA = v.strictObject(
  {
    models: list(MODEL),
    calibration: list(CALIBRATION),
    grids: list(GRID),
    plans: list(PLAN),
    metrics: list(METRIC),
    $schema: v.optional(text),
    activations: v.optional(v.picklist(["f32", "int16", "int8"], "f32, int16 or int8")),
    /** Calibration tokens on which policy knapsack measures KL. */
    sampleTokens: v.optional(positive),
  },
  "a JSON object",
);

/** Published as `schema/sweep.schema.json`. */
export const SWEEP_SCHEMA: v.GenericSchema<unknown, SweepConfig> = SCHEMA;

/** @throws FormatError naming the field, what was found and what was expected. */
export async function readSweepConfig(path: string): Promise<SweepConfig> {
  let json: JsonValue;
  try {
    json = parseJson(await readFile(path, "utf8"), path);
  } catch (cause) {
    throw fileError(path, cause);
  }
  const result = v.safeParse(SCHEMA, json);
  if (!result.success) throw issueError(result.issues, path);
  const config: SweepConfig = result.output;
  return withPaths(checkReferences(config, path), dirname(path));
}

function issueError(issues: readonly v.BaseIssue<unknown>[], path: string): FormatError {
  const isUnknown = (issue: v.BaseIssue<unknown>) => issue.type === "strict_object" && issue.expected === "never";
  const issue = issues.find(isUnknown) ?? issues[0];
  const field = (issue.path ?? []).map((item) => String(item.key)).join(".");
  const where = field === "" ? "" : `field ${field}: `;
  if (isUnknown(issue)) {
    const word = field.split(".").at(-1) as string;
    const known = knownFields(issue.path ?? []);
    return new FormatError(
      path,
      `${where}found no such field, expected ${nearestWord(word, known)} or another of ${known.join(", ")}`,
    );
  }
  const missing = issue.input === undefined;
  const found = missing ? "nothing" : describeJson(issue.input as JsonValue);
  return new FormatError(path, `${where}found ${found}, expected ${missing ? "it to be there" : issue.message}`);
}

/** Fields of the object that a path leads to. */
function knownFields(path: readonly { readonly key: unknown; readonly input: unknown }[]): readonly string[] {
  if (path.length < 2) return Object.keys(SCHEMA.entries);
  const list = String(path[0].key);
  const { type } = path[path.length - 1].input as { readonly type?: unknown };
  const objects = { models: MODEL, calibration: CALIBRATION, grids: GRID, plans: PLAN };
  const metric = METRIC.options.find(({ entries }) => entries.type.literal === type) ?? METRIC.options[0];
  return Object.keys((objects[list as keyof typeof objects] ?? metric).entries);
}

/** Names are used once, and those that are referred to exist. */
function checkReferences(config: SweepConfig, path: string): SweepConfig {
  for (const key of ["models", "calibration", "grids", "plans", "metrics"] as const) {
    const names = config[key].map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined)
      throw new FormatError(path, `field ${key}: found the name ${JSON.stringify(twice)} twice, expected each once`);
  }
  const plans = config.plans.map(({ name }) => name);
  if (plans.includes(FLOAT_PLAN))
    throw new FormatError(path, `field plans: found the name "${FLOAT_PLAN}", which is the float model's own`);
  for (const { name, control, budgetOf } of config.plans)
    for (const other of [control, budgetOf])
      if (other !== undefined && !plans.includes(other))
        throw new FormatError(
          path,
          `plan ${name}: found a reference to ${JSON.stringify(other)}, expected one of ${plans.join(", ")}`,
        );
  return config;
}

/** The float model is a cell of its own. */
export const FLOAT_PLAN = "float";

/** Paths of the file count from its own folder. */
function withPaths(config: SweepConfig, folder: string): SweepConfig {
  const at = (path: string) => resolve(folder, path);
  const maybe = (path: string | undefined) => (path === undefined ? undefined : at(path));
  return {
    ...config,
    models: config.models.map((model) => ({ ...model, path: at(model.path) })),
    calibration: config.calibration.map((draw) => ({
      ...draw,
      idsFile: maybe(draw.idsFile),
      text: draw.text?.map(at),
    })),
    metrics: config.metrics.map((metric) =>
      metric.type === "tasks"
        ? { ...metric, data: at(metric.data) }
        : { ...metric, text: maybe(metric.text), idsFile: maybe(metric.idsFile) },
    ),
  };
}
