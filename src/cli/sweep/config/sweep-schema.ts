/** The schema of a sweep's configuration. Each message is what was expected. */
import * as v from "valibot";
import type { PathItem } from "../../../base/schema-error.ts";
import { BITS } from "../../../tensor/linear-shape.ts";
import { PLAN_ACTIVATIONS } from "../cell-activations.ts";
import type { SweepConfig } from "./sweep-config.ts";

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
    /** Of text that the model writes itself. */
    temperature: v.optional(v.pipe(v.number("a number"), v.gtValue(0, "a number above 0"))),
    samples: v.optional(positive),
    length: v.optional(positive),
    seed: v.optional(count),
    /** Takes only these windows of a file of windows: [first, number]. */
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
    clip: v.optional(v.picklist(["none", "mse", "hessian", "auto"], "none, mse, hessian or auto")),
    actOrder: v.optional(v.picklist(["none", "desc", "gar"], "none, desc or gar")),
    gateWeighted: v.optional(v.boolean("true or false")),
    dampPercent: v.optional(v.number("a number")),
    shrinkage: v.optional(v.number("a number")),
    errorFeedback: v.optional(v.number("a number")),
    method: v.optional(v.picklist(["gptq", "rtn"], "gptq or rtn")),
  },
  "a grid",
);
const PLACE = v.strictObject(
  {
    menu: list(v.picklist(BITS, BITS.join(", "))),
    /** In average bits. */
    budget: v.pipe(v.number("a number"), v.gtValue(0, "a number above 0")),
  },
  "an object with menu and budget",
);
const PLAN = v.strictObject(
  {
    name: text,
    policy: text,
    /** Budgets of policy knapsack: bits or bytes with a unit, and the name of a plan of as many bytes. */
    budget: v.optional(text),
    budgetOf: v.optional(text),
    /** Whether policy knapsack refines its damages to those under error feedback. */
    refine: v.optional(v.boolean("true or false")),
    seeds: v.optional(list(count)),
    /** Name of the plan that it is compared with: a random one of as many bytes. */
    control: v.optional(text),
    /** Activations while it is measured, instead of the sweep's. */
    activations: v.optional(v.picklist(PLAN_ACTIVATIONS, PLAN_ACTIVATIONS.join(", "))),
    /** Labels for the report, which decide nothing: how widths are chosen, the kind of rule, where plans are compared. */
    strategy: v.optional(text),
    family: v.optional(text),
    competesAt: v.optional(list(PLACE)),
  },
  "a plan",
);
/** Which part of a text is scored: ids of a window, ids left out at the beginning, ids used after those. */
const SCORED_PART = { window: v.optional(positive), skip: v.optional(positive), limit: v.optional(positive) };
const METRIC = v.variant(
  "type",
  [
    v.strictObject({
      ...{ name: text, type: v.literal("kl"), text: v.optional(text), idsFile: v.optional(text) },
      /** Text of the kind that damages are measured on: the predicted KL is held against it, and plans are not compared on it. */
      forPrediction: v.optional(v.boolean("true or false")),
      ...SCORED_PART,
    }),
    v.strictObject({
      ...{ name: text, type: v.literal("perplexity"), text: v.optional(text), idsFile: v.optional(text) },
      ...SCORED_PART,
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

/** Fields of the object that a path leads to. */
export function fieldsAt(path: readonly PathItem[]): readonly string[] {
  if (path.length < 2) return Object.keys(SCHEMA.entries);
  if (path.some(({ key }) => key === "competesAt") && path.length > 3) return Object.keys(PLACE.entries);
  const list = String(path[0].key);
  const { type } = path[path.length - 1].input as { readonly type?: unknown };
  const objects = { models: MODEL, calibration: CALIBRATION, grids: GRID, plans: PLAN };
  const metric = METRIC.options.find(({ entries }) => entries.type.literal === type) ?? METRIC.options[0];
  return Object.keys((objects[list as keyof typeof objects] ?? metric).entries);
}
