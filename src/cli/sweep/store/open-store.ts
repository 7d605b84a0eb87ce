/** Opens a store by its name on the command line. */
import { UsageError } from "../../../base/errors.ts";
import { folderStore } from "./folder-store.ts";
import type { Store } from "./store.ts";

/** @throws UsageError for a place that is neither a folder nor a bucket. */
export async function openStore(place: string | undefined): Promise<Store> {
  if (place?.startsWith("s3://") === true) return (await import("./s3-store.ts")).s3Store(place);
  if (place === undefined || place === "" || /^[a-z0-9]+:\/\//i.test(place))
    throw new UsageError("--store", place || "no name", "a folder that all machines see, or s3://BUCKET/PREFIX");
  return folderStore(place);
}
