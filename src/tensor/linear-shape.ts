/** Types that describe a linear of a model: its place in the network, its shape, and the bits of its codes. */

/** Bits of a code of a quantised linear. */
export type Bits = 2 | 3 | 4 | 8;
export const BITS: readonly Bits[] = [2, 3, 4, 8];

/**
 * What a linear does in the network. `attention` is whatever mixes tokens in a layer, convolutions too. `shared` experts compute every token, besides the routed experts. `sharedGate` [1, D] gives the
 * weight of their output. `dense` is the MLP of a layer without experts. `router` chooses experts.
 */
export type Role = "attention" | "expert" | "shared" | "sharedGate" | "dense" | "router" | "embedding" | "head";

/**
 * Which linear it is: one of attention, one of an MLP, or a linear outside both. Latent attention has queries and keys with values in two
 * steps, `qDown` (or `q` alone) then `qUp`, `kvDown` then `kvUp`. A short convolution lies between `convIn` and `convOut`.
 */
export type Projection =
  | "q"
  | "k"
  | "v"
  | "o"
  | "qDown"
  | "qUp"
  | "kvDown"
  | "kvUp"
  | "convIn"
  | "convOut"
  | "gate"
  | "up"
  | "down"
  | "router"
  | "sharedGate"
  | "embedding"
  | "head";

/** The roles whose linears are quantised by bit plans: the linears of blocks that bits a weight are counted over. */
export const QUANTIZABLE_ROLES = ["attention", "expert", "shared", "dense"] as const;
export type QuantizableRole = (typeof QUANTIZABLE_ROLES)[number];

/** A linear [rows, cols] (out x in) with its name and its place in the network. */
export interface LinearShape {
  /** Module name in the checkpoint, without `.weight`. */
  readonly name: string;
  readonly role: Role;
  /** -1 for embedding and head. */
  readonly layer: number;
  /** Index of a routed expert; -1 for other linears. */
  readonly expert: number;
  readonly projection: Projection;
  readonly rows: number;
  readonly cols: number;
}

/** The roles of the linears outside the blocks. They stay float unless settings or plans name them. */
export const OUTER_ROLES = ["embedding", "head"] as const;
export type OuterRole = (typeof OUTER_ROLES)[number];

const PACKABLE_ROLES: readonly Role[] = [...QUANTIZABLE_ROLES, ...OUTER_ROLES];

/** Whether linears of this role may be stored as codes; router and gate of the shared experts are always float. */
export function isPackable({ role }: Pick<LinearShape, "role">): boolean {
  return PACKABLE_ROLES.includes(role);
}

/** Whether linears of this role are among those that bits a weight are counted over. */
export function isQuantizable({ role }: Pick<LinearShape, "role">): boolean {
  return (QUANTIZABLE_ROLES as readonly Role[]).includes(role);
}
