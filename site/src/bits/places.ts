/** Where a linear is in a model, read from its name in either spelling of Mixtral’s and DeepSeek’s checkpoints. */

/** The parts of a block that are no routed experts, in the order in which they are shown. */
export const PARTS = ["attention", "dense", "shared"] as const;

export interface Place {
  readonly layer: number;
  /** The number of a routed expert, or the part of the block. */
  readonly group: number | (typeof PARTS)[number];
  readonly projection: string;
}

const SPELLINGS: Readonly<Record<string, string>> = { w1: "gate", w2: "down", w3: "up" };

/** Undefined for what is no linear of a block. */
export function placeOf(name: string): Place | undefined {
  const layer = /layers\.(\d+)\./.exec(name)?.[1];
  if (layer === undefined) return undefined;
  const last = (name.split(".").at(-1) ?? name).replace(/_proj$/, "");
  return { layer: Number(layer), group: groupOf(name), projection: SPELLINGS[last] ?? last };
}

function groupOf(name: string): Place["group"] {
  const expert = /\bexperts\.(\d+)\./.exec(name)?.[1];
  if (expert !== undefined) return Number(expert);
  if (/shared_expert/.test(name)) return "shared";
  return /attn/.test(name) ? "attention" : "dense";
}

/** Parts first, then experts by number. */
export function groupOrder(group: Place["group"]): number {
  return typeof group === "number" ? PARTS.length + group : PARTS.indexOf(group);
}

/** What a group is called: `attention`, `expert 3`. */
export function groupText(group: Place["group"]): string {
  return typeof group === "number" ? `expert ${group}` : group;
}
