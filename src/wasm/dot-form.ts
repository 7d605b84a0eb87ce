/**
 * Finds out how this machine adds up products of bytes. The specification of relaxed SIMD leaves open what the dot product does with codes
 * above 127, and engines use the CPU's own instruction, so its result for such codes tells which instruction that is.
 */
import { UsageError } from "../base/errors.ts";
import type { Kernel } from "./threads/teamwork.ts";

/**
 * How integers are multiplied: as 16-bit `words` (the base build); as bytes, whose products are added up in `pairs` (the CPU has no dot
 * product of four bytes), or in fours, where codes above 127 count as `unsigned` (x86) or as `signed` bytes (ARM). All give the same bits.
 */
export type DotForm = "words" | "pairs" | "unsigned" | "signed";

/** Sum of 4 products 127 * 255, and of 4 products 127 * -1. */
const UNSIGNED = 4 * 127 * 255;
const SIGNED = -4 * 127;

/** The kernel `probe_dot_form`, which writes its result at `scratch`. */
export interface DotProbe {
  readonly probe: Kernel;
  readonly memory: WebAssembly.Memory;
  readonly scratch: number;
}

/** @param wish `pairs` for the form that every CPU has. */
export function findDotForm({ probe, memory, scratch }: DotProbe, wish: "auto" | "pairs" = "auto"): DotForm {
  if (wish !== "auto" && wish !== "pairs") throw new UsageError("dots", String(wish), "auto or pairs");
  probe(0, 1, scratch);
  const result = new Int32Array(memory.buffer, scratch, 1)[0];
  if (result === 0) return "words";
  if (wish === "pairs") return "pairs";
  if (result === UNSIGNED) return "unsigned";
  return result === SIGNED ? "signed" : "pairs";
}
