/** Chooses the store of a model's weights: one that keeps all of them, or one that stays within a limit of memory. */

import { UsageError } from "../../../base/errors.ts";
import { parseSize } from "../../../files/byte-size.ts";
import type { Machine } from "../../../wasm/machine.ts";
import type { StoredLinear } from "../locate.ts";
import { WeightStore } from "../weight-store.ts";
import { PagedStore } from "./paged-store.ts";

export interface StoreWish {
  readonly linears: readonly StoredLinear[];
  /** Experts to which a token is sent. */
  readonly topK: number;
  /** Most bytes of the engine's memory, or such a text as `2GB`. Undefined: all weights are kept in memory. */
  readonly memory: number | string | undefined;
  readonly warn: (sentence: string) => void;
}

/** The share of a limit that is left to sessions when all weights are kept. */
const SESSION_SHARE = 1 / 8;

/** @throws UsageError for a limit that is none, and for one that has no room for what must be in memory at the same time. */
export function storeFor(machine: Machine, { linears, topK, memory, warn }: StoreWish): WeightStore {
  const limitBytes = memory === undefined ? undefined : bytesOf(memory);
  const { kept, layer, total } = needOf(linears);
  if (limitBytes === undefined || total <= limitBytes * (1 - SESSION_SHARE))
    return new WeightStore(machine, linears, warn);
  if (layer === 0 || kept + layer > limitBytes) {
    const mb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
    const parts =
      layer === 0
        ? "the model has no experts that could be read when they are needed"
        : `${mb(kept)} that stay and ${mb(layer)} for the experts of one layer`;
    throw new UsageError("memory", mb(limitBytes), `more than ${mb(kept + layer)}: ${parts}, and room for the text`);
  }
  return new PagedStore(machine, linears, { limitBytes, topK, warn });
}

function bytesOf(memory: number | string): number {
  const bytes = typeof memory === "string" ? parseSize(memory)?.bytes : memory;
  if (typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new UsageError(
    "memory",
    JSON.stringify(memory) ?? typeof memory,
    "bytes, or a number with a unit, such as 2GB",
  );
}

/** Bytes of the weights that stay in memory, of the experts of the largest layer with what loading them takes, and of all weights. */
function needOf(linears: readonly StoredLinear[]): {
  readonly kept: number;
  readonly layer: number;
  readonly total: number;
} {
  const layers = new Map<number, number>();
  let [kept, staging] = [0, 0];
  for (const { role, layer, rows, cols, stored } of linears) {
    const bytes = stored.memoryBytes + 4 * (rows + cols);
    if (role !== "expert") {
      kept += bytes;
      continue;
    }
    layers.set(layer, (layers.get(layer) ?? 0) + bytes);
    staging = Math.max(staging, stored.stagingBytes);
  }
  const experts = [...layers.values()];
  const total = experts.reduce((sum, bytes) => sum + bytes, kept);
  return { kept, layer: experts.length === 0 ? 0 : Math.max(...experts) + staging, total };
}
