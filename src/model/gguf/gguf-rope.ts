/** Translates the keys of rotary position embedding, and the factors of frequencies that Llama 3 files have as a tensor. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { pow } from "../../base/exact-math.ts";
import type { JsonObject } from "../../base/json.ts";
import { readFloats } from "../../format/codecs/float-rows.ts";
import type { GgufEntry } from "../../format/gguf/gguf-header.ts";
import type { GgufFields } from "./gguf-fields.ts";

const FACTORS = "rope_freqs.weight";

interface RopeContext {
  readonly headDim: number;
  /** Whether YaRN rounds the ends of the blended columns to whole columns. */
  readonly wholeColumns: boolean;
}

/** `rope_theta` and, where frequencies are scaled, `rope_scaling`. */
export async function ropeFields(
  fields: GgufFields,
  tensors: ReadonlyMap<string, GgufEntry>,
  { headDim, wholeColumns }: RopeContext,
): Promise<JsonObject> {
  const theta = fields.number("rope.freq_base") ?? 10_000;
  const rotated = fields.number("rope.dimension_count") ?? headDim;
  const scaling = readScaling(fields, wholeColumns);
  const factors = tensors.get(FACTORS);
  const blended = factors === undefined ? undefined : await llamaScaling(factors, theta, rotated);
  if (blended !== undefined && scaling !== undefined)
    throw new UnsupportedError(`${fields.where}: tensor ${FACTORS}`, "factors besides rope.scaling.type", [
      "one of them",
    ]);
  const found = scaling ?? blended;
  return {
    rope_theta: theta,
    ...(rotated === headDim ? {} : { partial_rotary_factor: rotated / headDim }),
    ...(found === undefined ? {} : { rope_scaling: found }),
  };
}

function readScaling(fields: GgufFields, wholeColumns: boolean): JsonObject | undefined {
  const type = fields.text("rope.scaling.type");
  // Older files have the factor of linear scaling alone.
  const factor = fields.number("rope.scaling.factor") ?? fields.number("rope.scale_linear") ?? 0;
  fields.number("rope.scale_linear");
  const trained = fields.number("rope.scaling.original_context_length");
  const fast = fields.number("rope.scaling.yarn_beta_fast");
  const slow = fields.number("rope.scaling.yarn_beta_slow");
  for (const key of ["attn_factor", "yarn_attn_factor", "yarn_ext_factor"]) {
    const other = fields.number(`rope.scaling.${key}`) ?? 1;
    if (other !== 1) throw fields.wrong(`rope.scaling.${key}`, other, "1");
  }
  const isScaled = factor !== 0 && factor !== 1;
  switch (type ?? (isScaled ? "linear" : "none")) {
    case "none":
      return undefined;
    case "linear":
      return isScaled ? { rope_type: "linear", factor } : undefined;
    case "yarn":
      return {
        rope_type: "yarn",
        factor: factor === 0 ? 1 : factor,
        ...(trained === undefined ? {} : { original_max_position_embeddings: trained }),
        ...latentFields(fields),
        ...(wholeColumns ? {} : { truncate: false }),
        ...(fast === undefined ? {} : { beta_fast: fast }),
        ...(slow === undefined ? {} : { beta_slow: slow }),
      };
    default:
      throw new UnsupportedError(`${fields.where}: ${fields.architecture}.rope.scaling.type`, String(type), [
        "none",
        "linear",
        "yarn",
      ]);
  }
}

/** For latent attention: a tenth of the factor by which YaRN changes the softmax; other architectures do not have the key. */
function latentFields(fields: GgufFields): JsonObject {
  if (fields.architecture !== "deepseek2") return {};
  const multiplier = fields.number("rope.scaling.yarn_log_multiplier") ?? 0;
  if (multiplier === 0) return { attention_factor: 1 };
  // The file has a tenth of it in f32.
  const mscale = Math.round(1e7 * multiplier) / 1e6;
  return { mscale, mscale_all_dim: mscale };
}

/** Numbers of turns that all published models with this scaling have, with the trained length. */
const USUAL = { low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };

/**
 * The settings of Llama 3's scaling whose factors are those of the tensor. Slow frequencies are divided by the largest factor, fast ones
 * by 1; between them the inverse factor is linear in the number of turns. So two factors between tell where the blend begins and ends.
 */
async function llamaScaling(entry: GgufEntry, theta: number, rotated: number): Promise<JsonObject | undefined> {
  const where = `${entry.source.name}: tensor ${entry.name}`;
  if (entry.dtype !== "F32" || entry.shape.length !== 1 || entry.shape[0] !== rotated / 2)
    throw new FormatError(where, `found ${entry.dtype} [${entry.shape.join(", ")}], expected F32 [${rotated / 2}]`);
  const factors = await readFloats(entry, "f32", 0, entry.shape[0]);
  const factor = factors.reduce((most, each) => Math.max(most, each), 1);
  if (factor === 1) return undefined;
  /** Turns within one token. */
  const turns = Array.from(factors, (_, i) => pow(theta, (-2 * i) / rotated) / (2 * Math.PI));
  for (const guess of [USUAL, fitted(factors, turns, factor)]) {
    const scaling = { rope_type: "llama3", factor, ...guess };
    const fits = factors.every((each, i) => Math.abs(each / factorOf(turns[i], scaling) - 1) < 1e-4);
    if (fits) return scaling;
  }
  throw new UnsupportedError(where, "factors of another rule", ["those of Llama 3's scaling"]);
}

type Blend = typeof USUAL;

function factorOf(turnsAToken: number, { factor, ...blend }: Blend & { readonly factor: number }): number {
  const turns = blend.original_max_position_embeddings * turnsAToken;
  const part = (turns - blend.low_freq_factor) / (blend.high_freq_factor - blend.low_freq_factor);
  const share = Math.min(1, Math.max(0, part));
  return 1 / ((1 - share) / factor + share);
}

/** The blend through the first and the last factor between 1 and the largest. Its lower end is one turn: only the ratios count. */
function fitted(factors: Float32Array, turns: readonly number[], factor: number): Blend {
  const shares = Array.from(factors, (each) => (1 / each - 1 / factor) / (1 - 1 / factor));
  const between = shares.flatMap((share, i) => (share > 1e-4 && share < 1 - 1e-4 ? [i] : []));
  const first = between[0] ?? shares.findLastIndex((share) => share >= 1 - 1e-4);
  const last = between.length > 1 ? between[between.length - 1] : first + 1;
  const slope = (shares[first] - shares[last]) / (turns[first] - turns[last]);
  const lowTurns = turns[first] - shares[first] / slope;
  const trained = 1 / lowTurns;
  return {
    low_freq_factor: 1,
    high_freq_factor: (lowTurns + 1 / slope) * trained,
    original_max_position_embeddings: Math.round(trained),
  };
}
