/** Reads generation_config.json: where a text ends, and how the model's authors sample. */
import { FormatError } from "../../base/errors.ts";
import { describeJson, type JsonObject, type JsonValue } from "../../base/json.ts";

export interface GenerationSettings {
  /** Ids that end a text; undefined where the file names none. */
  readonly eosIds: readonly number[] | undefined;
  /** The sampling that the model's authors recommend, as far as they say. */
  readonly sampling: RecommendedSampling;
}

export interface RecommendedSampling {
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

/** Fields with the option that they set, and the values that they may have. */
const SAMPLING = {
  temperature: ["temperature", 0, Number.MAX_VALUE],
  top_p: ["topP", Number.MIN_VALUE, 1],
  top_k: ["topK", 0, 2 ** 31],
  min_p: ["minP", 0, 1 - Number.EPSILON],
  repetition_penalty: ["repetitionPenalty", Number.MIN_VALUE, Number.MAX_VALUE],
} as const;

/** @throws FormatError naming file and field. */
export function readGenerationSettings(json: JsonObject | undefined, where: string): GenerationSettings {
  if (json === undefined) return { eosIds: undefined, sampling: {} };
  return { eosIds: eosIdsOf(json["eos_token_id"], where), sampling: samplingOf(json, where) };
}

function eosIdsOf(value: JsonValue | undefined, where: string): readonly number[] | undefined {
  if (value === undefined || value === null) return undefined;
  const ids: readonly JsonValue[] = Array.isArray(value) ? value : [value as JsonValue];
  const stranger = ids.find((id) => !(Number.isSafeInteger(id) && (id as number) >= 0));
  if (stranger === undefined) return ids as readonly number[];
  throw new FormatError(where, `eos_token_id: found ${describeJson(stranger)}, expected a token id or a list of them`);
}

/** Without `do_sample` the file recommends nothing; where it is false, the likeliest token. */
function samplingOf(json: JsonObject, where: string): RecommendedSampling {
  const isSampled = json["do_sample"] === true;
  const found: Partial<Record<keyof RecommendedSampling, number>> =
    json["do_sample"] === false ? { temperature: 0 } : {};
  for (const [field, [option, least, most]] of Object.entries(SAMPLING)) {
    const value = json[field];
    if (value === undefined || value === null || !(isSampled || field === "repetition_penalty")) continue;
    if (typeof value !== "number" || value < least || value > most || (field === "top_k" && !Number.isInteger(value)))
      throw new FormatError(where, `${field}: found ${describeJson(value)}, expected a number of its range`);
    found[option] = value;
  }
  return found;
}
