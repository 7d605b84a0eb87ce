/** Tells whether weights stay within a limit of memory, and makes the store that sees to it if they do not. */

import { UsageError } from "../../../base/errors.ts";
import type { Machine } from "../../../wasm/machine.ts";
import type { StoredLinear } from "../locate.ts";
import { PagedStore } from "./paged-store.ts";
import { ENGINE_BYTES, pagesOf, placesOf, type WeightPage } from "./pages.ts";
import type { Paging } from "./paging-facts.ts";

export interface PagedWish {
  readonly linears: readonly StoredLinear[];
  /** Experts to which a token is sent. */
  readonly topK: number;
  /** Most bytes of the engine's memory. */
  readonly limitBytes: number;
  /** Default: `all` if the limit has no room for the weights that are no expert's. */
  readonly paging?: Paging;
  readonly warn: (sentence: string) => void;
}

/** The share of a limit that is left to sessions when all weights are kept. */
const SESSION_SHARE = 1 / 8;

/** @returns undefined if all weights can be kept. @throws UsageError for a limit that has no room for what must be in memory at the same time. */
export function pagedStore(machine: Machine, wish: PagedWish): PagedStore | undefined {
  const { linears, topK, warn } = wish;
  const pages = pagesOf(linears, ({ stored }) => stored, placesOf(linears));
  const total = pages.reduce((sum, { bytes }) => sum + bytes, 0);
  // Jobs have large buffers, which are not known yet.
  if (wish.paging !== "all" && total <= wish.limitBytes * (1 - SESSION_SHARE)) return undefined;
  const limitBytes = Math.min(wish.limitBytes, ENGINE_BYTES);
  const experts = leastBytes(pages, "experts");
  const paging = wish.paging ?? (experts <= limitBytes ? "experts" : "all");
  const least = paging === "all" ? leastBytes(pages, "all") : experts;
  if (least > limitBytes) {
    const mb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
    throw new UsageError("memory", mb(limitBytes), `more than ${mb(least)}, and room for the text`);
  }
  return new PagedStore(machine, linears, { limitBytes: wish.limitBytes, topK, paging, warn });
}

/** Bytes of the weights that stay in memory, and of the largest part of the others with what loading it takes. */
function leastBytes(pages: readonly WeightPage<StoredLinear>[], paging: Paging): number {
  let [kept, largest] = [0, 0];
  for (const { expert, bytes, linears } of pages)
    if (paging === "all" || expert >= 0)
      largest = Math.max(largest, bytes + Math.max(...linears.map(({ stored }) => stored.stagingBytes)));
    else kept += bytes;
  return kept + largest;
}
