/** What a linear of a model is: its place in the network, its shape, and the widths in which codes are stored. */

/** Bits of a code of a quantised linear. */
export type Bits = 2 | 3 | 4 | 8;
export const BITS: readonly Bits[] = [2, 3, 4, 8];

/**
 * What a linear does in the network. `shared` experts see every token beside the routed ones, `sharedGate` [1, D] says how much of
 * their output counts, `dense` is the MLP of a layer without experts, `router` chooses experts.
 */
export type Role = "attention" | "expert" | "shared" | "sharedGate" | "dense" | "router" | "embedding" | "head";

/** Which linear of its part: of attention, of an MLP, or a linear that is a part of its own. */
export type Projection =
  | "q"
  | "k"
  | "v"
  | "o"
  | "gate"
  | "up"
  | "down"
  | "router"
  | "sharedGate"
  | "embedding"
  | "head";

/** The roles whose linears are quantised; the others stay float. */
export const QUANTIZABLE_ROLES = ["attention", "expert", "shared", "dense"] as const;
export type QuantizableRole = (typeof QUANTIZABLE_ROLES)[number];

/** A linear [rows, cols] (out x in) and who it is. */
export interface LinearShape {
  /** Module name as the checkpoint spells it, without `.weight`. */
  readonly name: string;
  readonly role: Role;
  /** -1 for embedding and head. */
  readonly layer: number;
  /** Routed experts only, else -1. */
  readonly expert: number;
  readonly projection: Projection;
  readonly rows: number;
  readonly cols: number;
}

/** Whether a linear is one that is quantised. */
export function isQuantizable({ role }: Pick<LinearShape, "role">): boolean {
  return (QUANTIZABLE_ROLES as readonly Role[]).includes(role);
}
