/** Reads the configuration of a sweep: checks every field and every reference to a name, and makes paths absolute. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { fileError } from "../../../adapter/file-errors.ts";
import { FormatError } from "../../../base/errors.ts";
import { type JsonValue, parseJson } from "../../../base/json.ts";
import { schemaError } from "../../../base/schema-error.ts";
import { parsePolicy } from "../../../policy/policy.ts";
import { FLOAT_PLAN } from "../../../report/results/cell-line.ts";
import type { SweepConfig } from "./sweep-config.ts";
import { fieldsAt, SWEEP_SCHEMA } from "./sweep-schema.ts";

/** @throws FormatError naming the field, what was found and what was expected. */
export async function readSweepConfig(path: string): Promise<SweepConfig> {
  let json: JsonValue;
  try {
    json = parseJson(await readFile(path, "utf8"), path);
  } catch (cause) {
    throw fileError(path, cause);
  }
  const result = v.safeParse(SWEEP_SCHEMA, json);
  if (!result.success) throw schemaError(result.issues, { where: path, fieldsAt });
  const config: SweepConfig = result.output;
  return withPaths(checkReferences(config, path), dirname(path));
}

/** Checks that each name is used once and that names which are referred to exist. */
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
  const unrefinable = config.plans.find(
    ({ policy, refine }) => refine === true && parsePolicy(policy).kind !== "knapsack",
  );
  if (unrefinable !== undefined)
    throw new FormatError(
      path,
      `plan ${unrefinable.name}: found refine with policy ${unrefinable.policy}, expected policy knapsack`,
    );
  for (const { name, control, budgetOf } of config.plans)
    for (const other of [control, budgetOf])
      if (other !== undefined && !plans.includes(other))
        throw new FormatError(
          path,
          `plan ${name}: found a reference to ${JSON.stringify(other)}, expected one of ${plans.join(", ")}`,
        );
  return config;
}

/** Paths in the file are relative to its own folder. */
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
