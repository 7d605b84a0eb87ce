/**
 * Reads the fields of rotary position embedding. Files on the hub have `rope_theta` and `rope_scaling` at the top level; transformers 5
 * writes `rope_parameters`.
 */
import { type RopeScaling, type RopeShape, yarnAmplitude } from "../../nn/rope-frequencies.ts";
import type { ConfigFields } from "./config-fields.ts";

/** Sizes of the model, and the theta of its family. */
interface RopeContext {
  readonly headDim: number;
  readonly maxPositions: number;
  readonly theta: number;
  /** The part of a head's columns that is rotated if no field says it. Default 1. */
  readonly part?: number;
}

export function readRope(
  fields: ConfigFields,
  { headDim, maxPositions, theta, part: usual = 1 }: RopeContext,
): RopeShape {
  const parameters = fields.object("rope_parameters");
  const scaling = parameters ?? fields.object("rope_scaling");
  const outer = fields.positiveOr(theta, "rope_theta");
  const part = (parameters ?? fields).positiveOr(
    fields.positiveOr(usual, "partial_rotary_factor"),
    "partial_rotary_factor",
  );
  const shape = {
    rotaryDim: Math.floor(headDim * part),
    theta: scaling?.positiveOr(outer, "rope_theta") ?? outer,
  };
  if (scaling === undefined) return { ...shape, scaling: { type: "none" } };
  const trained = fields.countOr(maxPositions, "original_max_position_embeddings");
  const read = { ...shape, scaling: readScaling(scaling, trained, maxPositions) };
  scaling.requireKnown();
  return read;
}

function readScaling(fields: ConfigFields, trainedOutside: number, maxPositions: number): RopeScaling {
  const key = fields.has("rope_type") ? "rope_type" : "type";
  // Old files have both.
  fields.ignore("type", "rope_type");
  fields.requireOneOf(key, "default", "linear", "dynamic", "llama3", "yarn");
  const type = fields.text(key) ?? "default";
  const trained = fields.countOr(trainedOutside, "original_max_position_embeddings");
  switch (type) {
    case "linear":
      return { type, factor: fields.positive("factor") };
    case "llama3":
      return {
        ...{ type, trained, factor: fields.positive("factor") },
        lowTurns: fields.positive("low_freq_factor"),
        highTurns: fields.positive("high_freq_factor"),
      };
    case "yarn":
      return readYarn(fields, trained, maxPositions);
    default:
      // Dynamic scaling changes nothing up to max_position_embeddings, and no session is longer.
      fields.ignore("factor");
      return { type: "none" };
  }
}

function readYarn(fields: ConfigFields, trained: number, maxPositions: number): RopeScaling {
  const factor =
    trained === maxPositions ? fields.positive("factor") : fields.positiveOr(maxPositions / trained, "factor");
  const [m, mAll] = [fields.numberOr(0, "mscale"), fields.numberOr(0, "mscale_all_dim")];
  const usual = m !== 0 && mAll !== 0 ? yarnAmplitude(factor, m) / yarnAmplitude(factor, mAll) : yarnAmplitude(factor);
  return {
    ...{ type: "yarn", factor, trained },
    fastTurns: fields.positiveOr(32, "beta_fast"),
    slowTurns: fields.positiveOr(1, "beta_slow"),
    wholeColumns: fields.flagOr(true, "truncate"),
    amplitude: fields.positiveOr(usual, "attention_factor"),
  };
}

/**
 * DeepSeek's factor on the scale of attention: with YaRN and `mscale_all_dim` m, the square of 0.1 m ln(factor) + 1.
 */
export function latentScale(fields: ConfigFields, { scaling }: RopeShape): number {
  const parameters = fields.object("rope_parameters") ?? fields.object("rope_scaling");
  const m = parameters?.numberOr(0, "mscale_all_dim") ?? 0;
  if (scaling.type !== "yarn" || m === 0) return 1;
  const amplitude = yarnAmplitude(scaling.factor, m);
  return amplitude * amplitude;
}
