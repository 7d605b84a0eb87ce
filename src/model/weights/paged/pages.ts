/** Pages of a paged store: weights that are loaded and evicted together. */
import { groupBy } from "../../../base/group-by.ts";
import type { StoredMatrix } from "../../../format/codecs/codec.ts";
import type { LinearShape, Role } from "../../../tensor/linear-shape.ts";
import { LINE_BYTES } from "../../../wasm/memory/arena.ts";
import type { Linear } from "../linears.ts";

/** Most bytes of a store in one WebAssembly memory, which has 4 GiB: the rest is lost between blocks of different sizes. */
export const ENGINE_BYTES: number = 15 * 2 ** 28;

/** The linears of one expert, or those that one step of a layer has beside its experts, or the embedding, or the head. */
export interface WeightPage<L extends LinearShape = Linear> {
  /** When a pass needs it: pages are needed in the order of their places. */
  readonly place: number;
  readonly layer: number;
  /** -1 for linears that are no expert's. */
  readonly expert: number;
  readonly linears: readonly L[];
  /** Most bytes of memory that it takes. */
  readonly bytes: number;
  readonly diskBytes: number;
  /** How many passes are about to compute it. */
  holds: number;
}

/** The steps of a layer, in their order; embedding and head come before and after all layers. */
const STEPS: Readonly<Record<Role, number>> = {
  ...{ embedding: 0, attention: 0, router: 1, sharedGate: 1, expert: 2, shared: 3, dense: 3, head: 3 },
};
const STEPS_OF_LAYER = 4;

/** The number of places in a pass through these linears. */
export function placesOf(linears: readonly LinearShape[]): number {
  return STEPS_OF_LAYER * (2 + Math.max(...linears.map(({ layer }) => layer + 1)));
}

/** The pages of some linears of a model that has `places` places. */
export function pagesOf<L extends LinearShape>(
  linears: readonly L[],
  storedOf: (linear: L) => StoredMatrix,
  places: number,
): readonly WeightPage<L>[] {
  const placeOf = ({ layer, role }: L) => (role === "head" ? places - 1 : STEPS_OF_LAYER * (layer + 1) + STEPS[role]);
  return [...groupBy(linears, (linear) => `${placeOf(linear)}/${linear.expert}`).values()].map((own) => {
    const [{ layer, expert }] = own;
    const sum = (of: (linear: L) => number) => own.reduce((total, linear) => total + of(linear), 0);
    return {
      ...{ place: placeOf(own[0]), layer, expert, linears: own, holds: 0 },
      bytes: sum((linear) => storedOf(linear).memoryBytes + besides(linear, storedOf(linear))),
      diskBytes: sum((linear) => storedOf(linear).diskBytes),
    };
  });
}

/** A permutation of the columns and a bias come on top of panels, unless they are counted with them. */
function besides({ rows, cols }: LinearShape, { lying }: StoredMatrix): number {
  return LINE_BYTES + (lying === undefined ? 4 * (rows + cols) : 0);
}

/** Bytes of a page that no pass holds. */
export function looseBytes(page: WeightPage | undefined): number {
  return page === undefined || page.holds > 0 ? 0 : page.bytes;
}

/** Divides linears into parts whose pages take at most `room` bytes, beside those that are held. A part has one page at least. */
export function partsWithin(
  linears: readonly Linear[],
  pageOf: (linear: Linear) => WeightPage | undefined,
  room: number,
): readonly (readonly Linear[])[] {
  const parts: Linear[][] = [[]];
  let bytes = 0;
  for (const [page, own] of groupBy(linears, pageOf)) {
    const last = parts[parts.length - 1];
    bytes += looseBytes(page);
    if (bytes <= room || last.length === 0) last.push(...own);
    else {
      parts.push(own);
      bytes = looseBytes(page);
    }
  }
  return parts;
}
