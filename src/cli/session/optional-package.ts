/** Packages that only one command needs are installed by those who use it. */
import { UsageError } from "../../base/errors.ts";

/**
 * For the failure of an import: says how the package is installed if it, or one that it needs, is not there. Other failures, such as those of a package of another version,
 * stay as they are.
 * @param where what needs it. @param packages the package, and what is installed with it.
 */
export function explainMissing(where: string, packages: string): (error: unknown) => never {
  return (error) => {
    const name = packages.split(" ").find((each) => new RegExp(`["'\`]${each}["'\`/]`).test(String(error)));
    if (name === undefined) throw error;
    throw new UsageError(where, `no package ${name}`, `it beside quern: npm install ${packages}`);
  };
}
