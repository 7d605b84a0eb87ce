/**
 * Lists the sites of a block: the places where linears read their input. The taps of the forward pass, the statistics and the file of
 * statistics all use this list. Linears of one site share their input. The gate of the shared experts reads at the router's site.
 */
import type { LinearShape, Projection, Role } from "../../tensor/linear-shape.ts";

/** Linears that read at a site. */
type Reader = readonly [role: Role, projections: readonly Projection[]];

/** A place where linears read their input. */
export type LinearSite =
  | "attention"
  | "queryLatent"
  | "keyLatent"
  | "output"
  | "router"
  | "experts"
  | "expertsDown"
  | "shared"
  | "sharedDown"
  | "dense"
  | "denseDown";

export const SITES: Readonly<Record<LinearSite, readonly Reader[]>> = {
  attention: [["attention", ["q", "k", "v", "qDown", "kvDown", "convIn"]]],
  queryLatent: [["attention", ["qUp"]]],
  keyLatent: [["attention", ["kvUp"]]],
  output: [["attention", ["o", "convOut"]]],
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

/** All sites, in the order of the forward pass. */
export const LINEAR_SITES = Object.keys(SITES) as readonly LinearSite[];

/** The site at which a linear reads its input; undefined for embedding and head, which belong to no block. */
export function siteOf({ role, projection }: Pick<LinearShape, "role" | "projection">): LinearSite | undefined {
  return LINEAR_SITES.find((site) =>
    SITES[site].some(([reader, read]) => reader === role && read.includes(projection)),
  );
}
