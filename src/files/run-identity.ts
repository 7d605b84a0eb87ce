/** What decides the results of long work. A run may go on from what an earlier one left only if all of this is the same. */
import { UsageError } from "../base/errors.ts";
import { describeJson, type JsonValue } from "../base/json.ts";

/** Everything that decides a result. Runs that differ in any field are different runs. */
export type RunIdentity = Readonly<Record<string, string | number | boolean | null>>;

/** @throws UsageError naming the first field that differs, the value found at `where` and the value of this run. */
export function requireSameRun(found: Readonly<Record<string, JsonValue>>, run: RunIdentity, where: string): void {
  for (const [field, expected] of Object.entries(run))
    if (found[field] !== expected)
      throw new UsageError(
        `${where}: ${field}`,
        `${describeJson(found[field])}, of another run`,
        `${describeJson(expected)}, as in this one; begin anew with --force`,
      );
}
