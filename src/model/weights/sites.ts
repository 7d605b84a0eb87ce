/**
 * The places of a block at which linears read: the one list of them, for the taps of the forward pass, for statistics and for their
 * file. Linears of one site share their input; the router's site also serves the gate of the shared experts.
 */
import type { LinearShape, Projection, Role } from "../../tensor/linear-shape.ts";

/** Which linears read there. */
type Reader = readonly [role: Role, projections: readonly Projection[]];

/** Where linears read their input. */
export type LinearSite =
  | "attention"
  | "output"
  | "router"
  | "experts"
  | "expertsDown"
  | "shared"
  | "sharedDown"
  | "dense"
  | "denseDown";

export const SITES: Readonly<Record<LinearSite, readonly Reader[]>> = {
  attention: [["attention", ["q", "k", "v"]]],
  output: [["attention", ["o"]]],
  router: [
    ["router", ["router"]],
    ["sharedGate", ["sharedGate"]],
  ],
  experts: [["expert", ["gate", "up"]]],
  expertsDown: [["expert", ["down"]]],
  shared: [["shared", ["gate", "up"]]],
  sharedDown: [["shared", ["down"]]],
  dense: [["dense", ["gate", "up"]]],
  denseDown: [["dense", ["down"]]],
};

/** In the order in which the forward pass meets them. */
export const LINEAR_SITES = Object.keys(SITES) as readonly LinearSite[];

/** Where a linear reads its input; undefined for embedding and head, which belong to no block. */
export function siteOf({ role, projection }: Pick<LinearShape, "role" | "projection">): LinearSite | undefined {
  return LINEAR_SITES.find((site) =>
    SITES[site].some(([reader, read]) => reader === role && read.includes(projection)),
  );
}
