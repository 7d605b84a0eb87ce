/** Finds files beside the program: package.json, and the models of a checkout. */
import { fileURLToPath } from "node:url";

/** Built files that read this lie one folder below dist, as this one lies below src. @param path in the package. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
