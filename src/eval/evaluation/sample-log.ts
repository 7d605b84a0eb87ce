/** Writes samples as lines of a journal and reads them, so that an interrupted run can be resumed. */
import { FormatError } from "../../base/errors.ts";
import { asObject, describeJson, isObject, type JsonValue, parseJson } from "../../base/json.ts";
import { type RunIdentity, requireSameRun } from "../../files/run-identity.ts";
import type { Sample } from "./item-sample.ts";

const FORMAT = "quern evaluate 1";

export function headLine(run: RunIdentity): string {
  return JSON.stringify({ format: FORMAT, ...run });
}

/** The beginnings of the lines of such a journal. */
export const LINE_BEGINNINGS: readonly string[] = [`{"format":"${FORMAT}"`, '{"task":"'];

/** Leaves out the row, which is in the task's file. */
export function sampleLine(task: string, sample: Sample): string {
  const { doc: _, ...answers } = sample;
  return JSON.stringify({ task, ...answers });
}

/**
 * Reads the samples of a journal, by task.
 * @throws UsageError naming the field that differs, if the journal is of another run; FormatError for a line that is no sample.
 */
export function readSampleLog(
  lines: readonly string[],
  run: RunIdentity,
  where: string,
): ReadonlyMap<string, readonly Sample[]> {
  const samples = new Map<string, Sample[]>();
  for (const [index, line] of lines.entries()) {
    const at = `${where}: line ${index + 1}`;
    const record = asObject(parseJson(line, at), at);
    if (index === 0) {
      requireSameRun(record, { format: FORMAT, ...run }, where);
      continue;
    }
    const { task, ...sample } = record;
    if (typeof task !== "string" || !isSample(sample))
      throw new FormatError(
        at,
        `found ${describeJson(line)}, expected a sample with task, doc_id, target, resps and request_hash`,
      );
    const known = samples.get(task);
    if (known === undefined) samples.set(task, [sample]);
    else known.push(sample);
  }
  return samples;
}

function isSample(value: Readonly<Record<string, JsonValue>>): value is Readonly<Record<string, JsonValue>> & Sample {
  const { doc_id, target, resps, request_hash } = value;
  const isAnswer = (entry: JsonValue) =>
    Array.isArray(entry) && typeof entry[0] === "number" && typeof entry[1] === "boolean";
  return (
    !isObject(resps as JsonValue) &&
    typeof doc_id === "number" &&
    typeof target === "number" &&
    typeof request_hash === "string" &&
    Array.isArray(resps) &&
    resps.every(isAnswer)
  );
}
