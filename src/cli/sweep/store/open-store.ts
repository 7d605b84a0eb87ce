/** Opens a store by its name on the command line. */
import { UsageError } from "../../../base/errors.ts";
import { folderStore } from "./folder-store.ts";
import type { Store } from "./store.ts";

/** @throws UsageError for a place that is no folder. */
export function openStore(place: string | undefined): Store {
  if (place === undefined || place === "" || /^[a-z0-9]+:\/\//i.test(place))
    throw new UsageError(
      "--store",
      place === undefined || place === "" ? "no name" : place,
      "a folder that all machines see",
    );
  return folderStore(place);
}
