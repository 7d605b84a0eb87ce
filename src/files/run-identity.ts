/** What decides the results of a long work: only a run that has all of it the same may go on with what another one left. */
import { UsageError } from "../base/errors.ts";
import { describeJson, type JsonValue } from "../base/json.ts";

/** Everything that decides a result; another value of any field is another run. */
export type RunIdentity = Readonly<Record<string, string | number | boolean | null>>;

/** @throws UsageError naming the first field that differs, what `where` has and what this run expects. */
export function requireSameRun(found: Readonly<Record<string, JsonValue>>, run: RunIdentity, where: string): void {
  for (const [field, expected] of Object.entries(run))
    if (found[field] !== expected)
      throw new UsageError(
        `${where}: ${field}`,
        `${describeJson(found[field])}, of another run`,
        `${describeJson(expected)}, as in this one; begin anew with --force`,
      );
}
