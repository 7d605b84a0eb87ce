/** Fields that completions and chat have in common. Fields that would change the answer and are not computed are refused by name. */
import * as v from "valibot";

/** A choice of a request has a slot of its own; as many are asked for at most. */
export const MOST_CHOICES = 128;
const MOST_STOPS = 256;
const MOST_STOP_CHARACTERS = 1000;
const MOST_TOP = 20;
/** The largest seed of the generator. */
const MOST_SEED: number = Number.MAX_SAFE_INTEGER;

/** What completions and chat have in common, after the checks. */
export interface CommonBody {
  readonly model: string | undefined;
  readonly n: number | undefined;
  readonly seed: number | undefined;
  /** Empty stop strings are left out. */
  readonly stop: readonly string[];
  readonly stream: boolean | undefined;
  readonly stream_options: { readonly include_usage?: boolean | null } | undefined;
  readonly temperature: number | undefined;
  readonly top_p: number | undefined;
  readonly top_k: number | undefined;
  readonly min_p: number | undefined;
  readonly repetition_penalty: number | undefined;
  readonly ignore_eos: boolean | undefined;
}

/** A schema for each field of a body. */
export type FieldSchemas<Body> = { readonly [Field in keyof Body]: v.GenericSchema<unknown, Body[Field]> };
/** Schemas of fields that are accepted, but of which the body keeps nothing. */
export type OtherFields = Readonly<Record<string, v.GenericSchema>>;

function numberWhere(expected: string, holds: (value: number) => boolean): v.GenericSchema<unknown, number> {
  return v.custom<number>((value) => typeof value === "number" && Number.isFinite(value) && holds(value), expected);
}

export function wholeNumber(least: number, most: number): v.GenericSchema<unknown, number> {
  const expected = `a whole number from ${least} to ${most}`;
  return numberWhere(expected, (value) => Number.isInteger(value) && value >= least && value <= most);
}

/** A field that may be left out or null. */
export function maybe<T>(schema: v.GenericSchema<unknown, T>): v.GenericSchema<unknown, T | undefined> {
  return v.pipe(
    v.nullish(schema),
    v.transform((value) => value ?? undefined),
  );
}

export const flag: v.GenericSchema<unknown, boolean> = v.boolean("true or false") as v.GenericSchema<unknown, boolean>;
export const plainText: v.GenericSchema<unknown, string> = v.custom<string>(
  (value) => typeof value === "string" && isWellFormed(value),
  "a text without parts of characters (lone surrogates)",
);

/** Whether a text holds no lone surrogate: such a text has no UTF-8, so no tokens either. */
export function isWellFormed(value: string): boolean {
  return !/\p{Surrogate}/u.test(value);
}

const stopText = v.custom<string>(
  (value) => typeof value === "string" && value.length <= MOST_STOP_CHARACTERS && isWellFormed(value),
);
const stops: v.GenericSchema<unknown, string | readonly string[]> = v.custom<string | readonly string[]>(
  (value) =>
    v.is(stopText, value) ||
    (Array.isArray(value) && value.length <= MOST_STOPS && value.every((one) => v.is(stopText, one))),
  `a text, or at most ${MOST_STOPS} texts, of at most ${MOST_STOP_CHARACTERS} characters each`,
);

/** A field that is accepted only with values that change nothing. */
export function only(expected: string, holds: (value: unknown) => boolean): v.GenericSchema {
  return v.nullish(v.custom((value) => holds(value), expected));
}

const isEmpty = (value: unknown) => typeof value === "object" && Object.keys(value as object).length === 0;

/** Fields that say nothing about the answer. */
const IGNORED = [
  ...["user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"],
  ...["parallel_tool_calls", "prompt_cache_retention"],
];

export const OTHER_FIELDS: OtherFields = {
  ...Object.fromEntries(IGNORED.map((name) => [name, v.optional(v.unknown())])),
  frequency_penalty: only("0: this penalty is not computed (repetition_penalty is)", (value) => value === 0),
  presence_penalty: only("0: this penalty is not computed (repetition_penalty is)", (value) => value === 0),
  logit_bias: only("an empty object: biases are not computed", isEmpty),
};

const streamOptions = v.object(
  { include_usage: v.nullish(v.boolean("true or false")), include_obfuscation: v.optional(v.unknown()) },
  "an object such as { include_usage: true }",
) as v.GenericSchema<unknown, { readonly include_usage?: boolean | null }>;

export const COMMON_FIELDS: FieldSchemas<CommonBody> = {
  model: maybe(plainText),
  n: maybe(wholeNumber(1, MOST_CHOICES)),
  seed: maybe(wholeNumber(-MOST_SEED, MOST_SEED)),
  stop: v.pipe(
    v.nullish(stops),
    v.transform((value) => [value ?? []].flat().filter((one) => one !== "")),
  ),
  stream: maybe(flag),
  stream_options: maybe(streamOptions),
  temperature: maybe(numberWhere("a number from 0 to 100", (value) => value >= 0 && value <= 100)),
  top_p: maybe(numberWhere("a number above 0, at most 1", (value) => value > 0 && value <= 1)),
  top_k: maybe(wholeNumber(0, 2 ** 31)),
  min_p: maybe(numberWhere("a number from 0, below 1", (value) => value >= 0 && value < 1)),
  repetition_penalty: maybe(numberWhere("a number above 0, at most 100", (value) => value > 0 && value <= 100)),
  ignore_eos: maybe(flag),
};

export const topCount: v.GenericSchema<unknown, number> = wholeNumber(0, MOST_TOP);

/** A schema that refuses fields of other names. */
export function bodySchema<Body extends object>(
  fields: FieldSchemas<Body>,
  others: OtherFields,
): v.GenericSchema<unknown, Body> {
  const schema = v.strictObject({ ...fields, ...others, ...OTHER_FIELDS } as v.ObjectEntries, "an object");
  return schema as unknown as v.GenericSchema<unknown, Body>;
}
