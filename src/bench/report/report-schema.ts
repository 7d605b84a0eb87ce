/** Reads the document of a benchmark, which may come from another machine and another version. */
import * as v from "valibot";
import { asObject, type JsonValue } from "../../base/json.ts";
import { type PathItem, schemaError } from "../../base/schema-error.ts";
import { CEILINGS } from "../ceilings.ts";
import { type BenchReport, UNITS } from "./bench-report.ts";

const text = v.string("text");
const number = v.pipe(v.number("a number"), v.finite("a finite number"));
const positive = v.pipe(
  number,
  v.check((value) => value > 0, "a number above 0"),
);
const from0 = v.pipe(number, v.minValue(0, "a number from 0"));
const count = v.pipe(number, v.integer("a whole number"), v.minValue(1, "a whole number from 1"));
const ceiling = v.picklist(CEILINGS, CEILINGS.join(", "));

const RESULT = v.pipe(
  v.strictObject(
    {
      test: text,
      mean: positive,
      sd: from0,
      unit: v.picklist(UNITS, UNITS.join(", ")),
      n: count,
      samples: v.array(positive, "a list of numbers"),
      ceiling: v.nullable(ceiling),
      share: v.nullable(from0),
    },
    "the result of a test",
  ),
  v.check(({ n, samples }) => samples.length === n, "as many samples as n"),
);
const MACHINE = v.strictObject(
  { cpu: v.nullable(text), cores: count, memoryBytes: v.nullable(positive), platform: v.nullable(text) },
  "facts about a machine",
);
/** Other versions may tell more of the engine, which is passed over. */
const ENGINE = v.object(
  {
    version: text,
    kernels: v.picklist(["base", "relaxed"], "base or relaxed"),
    dots: v.picklist(["words", "pairs", "unsigned", "signed"], "words, pairs, unsigned or signed"),
    threads: count,
    patience: from0,
    activations: v.picklist(["f32", "int16", "int8", "study"], "f32, int16, int8 or study"),
    runtime: text,
  },
  "facts about an engine",
);
const MODEL = v.strictObject(
  { name: text, parameters: count, activeParameters: count, fileBytes: from0, bytesPerToken: count },
  "a model",
);
const PAGING = v.strictObject(
  { limitBytes: positive, uses: from0, misses: from0, readBytes: from0 },
  "what reading experts took",
);
const MEMORY = v.strictObject(
  {
    ...{ weights: from0, cache: from0, scratch: number, peakResident: v.nullable(positive) },
    paging: v.exactOptional(PAGING),
  },
  "bytes of memory",
);
const REPORT = v.strictObject(
  {
    machine: MACHINE,
    runtime: text,
    engine: ENGINE,
    model: v.nullable(MODEL),
    ceilings: v.strictObject({ read: positive, dotI8: positive, dotI16: positive, f32: positive }, "the ceilings"),
    results: v.array(RESULT, "a list of results"),
    memory: v.nullable(MEMORY),
    hash: v.pipe(text, v.regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits")),
  },
  "the document of a benchmark",
);

/**
 * The report that a document holds, such as the parsed output of `quern bench --json`.
 * @param where name of the document, for messages.
 * @throws FormatError naming the field, what was found and what was expected.
 */
export function readBenchReport(document: unknown, where: string): BenchReport {
  const found = v.safeParse(REPORT, asObject(document as JsonValue, where));
  if (found.success) return found.output;
  throw schemaError(found.issues, { where, fieldsAt });
}

/** Fields of the document, or of an object in it. */
function fieldsAt(path: readonly PathItem[]): readonly string[] {
  const [first] = path;
  if (path.length <= 1) return Object.keys(REPORT.entries);
  const parts = { machine: MACHINE, model: MODEL, memory: MEMORY, ceilings: REPORT.entries.ceilings, results: RESULT };
  const part = parts[first.key as keyof typeof parts];
  return Object.keys((part === RESULT ? RESULT.pipe[0] : (part as typeof MACHINE)).entries);
}
