/** Tells what a call of a pass reads and computes: from the linears of its tap, and for experts from the routes of the pass. */
import type { Model } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import { cacheBytesPerToken } from "../../model/pass/state/mixer-widths.ts";
import type { Linear } from "../../model/weights/linears.ts";
import type { Ceiling } from "../ceilings.ts";
import type { SplitCall } from "./split-tape.ts";

/** Bytes read (weights and cache; activations are small beside them) and operations; a multiply-add is two operations. */
export interface CallWork {
  readonly bytes: number;
  readonly operations: number;
}

/** The tokens of a pass: how many, and the rows of the cache that the last of them sees. */
export interface PassSpan {
  readonly tokens: number;
  readonly visible: number;
}

export function isMatmul({ kernel, tap }: SplitCall): boolean {
  return kernel.startsWith("matmul") && tap !== undefined && tap.linears.length > 0;
}

/** What arithmetic of a kernel meets: a ceiling, and how many of that ceiling's operations one of the kernel takes. */
export interface KernelArithmetic {
  readonly ceiling: Ceiling;
  readonly cost: number;
}

/** Names of kernels tell the width of the codes that they multiply, and whether as bytes: then 16-bit codes are two planes of bytes. */
export function arithmeticOf(kernel: string): KernelArithmetic {
  if (kernel.includes("a16_dot")) return { ceiling: "dotI8", cost: 2 };
  if (/a8\b|a8_/.test(kernel)) return { ceiling: "dotI8", cost: 1 };
  return { ceiling: /a16\b|a16_/.test(kernel) ? "dotI16" : "f32", cost: 1 };
}

/** Sizes of a model's weights and cache in memory. */
export class WorkCounter {
  readonly #model: Model;
  readonly #bytes: ReadonlyMap<string, number>;
  readonly #types: ReadonlyMap<string, string>;
  readonly #cacheBytes: number;

  constructor(model: Model) {
    const { linears } = model.files;
    this.#model = model;
    this.#bytes = new Map(linears.map(({ name, stored }) => [name, stored.memoryBytes]));
    this.#types = new Map(linears.map(({ name, stored }) => [name, typeOf(stored)]));
    const layers = model.config.mixers.filter((mixer) => mixer !== "conv").length;
    this.#cacheBytes = cacheBytesPerToken(model.config, model.cache ?? "f32") / Math.max(1, layers);
  }

  /** Work of all matmuls of a tap, whose input has `rows` rows. Experts without a token are not read. */
  ofLinears(tap: Tap, rows: number): CallWork {
    let [bytes, operations] = [0, 0];
    for (const linear of tap.linears) {
      const count = this.#rowsOf(tap, linear, rows);
      if (count === 0) continue;
      bytes += this.#bytes.get(linear.name) ?? 0;
      operations += 2 * count * linear.rows * linear.cols;
    }
    return { bytes, operations };
  }

  /** Work of any other call. Attention reads the cache. */
  ofOther({ kernel, work }: SplitCall, { visible }: PassSpan): CallWork {
    return { bytes: kernel.startsWith("attend") ? visible * this.#cacheBytes : 0, operations: 2 * work };
  }

  /** Number of experts of the tap that compute a token; undefined for other linears. */
  activeExperts(tap: Tap): number | undefined {
    if (tap.spans === undefined) return undefined;
    const experts = new Set(
      tap.linears.filter((linear) => this.#rowsOf(tap, linear, 0) > 0).map(({ expert }) => expert),
    );
    return experts.size;
  }

  /** Storage and shape of linears, such as `w4/32 512x1792`; equal ones once. */
  shapeOf({ linears }: Tap): string {
    const shapes = linears.map(({ name, rows, cols }) => `${this.#types.get(name) ?? "?"} ${rows}x${cols}`);
    return [...new Set(shapes)].join(", ");
  }

  #rowsOf({ spans }: Tap, { expert }: Linear, rows: number): number {
    return spans === undefined ? rows : this.#model.machine.arena.words[(spans >>> 2) + 2 * expert + 1];
  }
}

type Stored = Model["files"]["linears"][number]["stored"];

function typeOf(stored: Stored): string {
  return stored.kind === "float" ? stored.dtype : `w${stored.bits}/${stored.groupSize}`;
}
