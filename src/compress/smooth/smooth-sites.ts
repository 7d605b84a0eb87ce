/**
 * Finds the places for smoothing factors (SmoothQuant, arXiv 2211.10438). The columns of linears that share an input are multiplied by
 * s, and the source of that input is divided by s: the norm before [q k v] and before [gate up router], v's rows before o (query heads
 * with a common value head share factors), up's rows before down (the gate's rows pass through SiLU and cannot be scaled).
 */

import { nameFor } from "../../model/config/module-names.ts";
import type { Model } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import type { Linear } from "../../model/weights/linears.ts";
import type { AttentionWeights, LayerWeights, Mlp } from "../../model/weights/weight-tree.ts";

/** Linears that read the same rows. */
export interface Readers {
  readonly linears: readonly Linear[];
  readonly rows: SmoothRows;
}

/** `count` rows at `ptr` [cols], stride `ld`. `index` is a list of row numbers, or 0 for consecutive rows. */
export interface SmoothRows {
  readonly ptr: number;
  readonly ld: number;
  readonly cols: number;
  readonly index: number;
  readonly count: number;
}

export interface SmoothSite {
  readonly layer: number;
  readonly site: "attention" | "output" | "mlp" | "down";
  /** The expert, for down of routed experts; else -1. */
  readonly expert: number;
  readonly readers: readonly Readers[];
  /** Linears whose columns take the factors too, but whose input is never rounded: the router, and the gate of the shared experts. */
  readonly exact: readonly Linear[];
  /** What is divided by the factors: a norm's weight (by tensor name), or the rows of a linear. */
  readonly source: { readonly norm: string } | { readonly linear: Linear };
  /** Index of each input column's factor. */
  readonly factorOf: Int32Array;
  /** Number of factors: as many as the source has columns or rows. */
  readonly factors: number;
}

/** The sites whose inputs a tap shows. Shared experts' gate and up belong to the site of the experts. */
export function smoothSites(model: Model, tap: Tap): readonly SmoothSite[] {
  const { layer, input } = tap;
  const weights = model.weights.layers[layer];
  const all: SmoothRows = { ...input, index: 0, count: input.rows };
  // Limits of up hold for its values as they are.
  const down = (mlp: Mlp, expert: number, rows: SmoothRows): readonly SmoothSite[] =>
    model.config.clampedSwiglu === null
      ? [straight(layer, "down", expert, [{ linears: [mlp.down], rows }], { linear: mlp.up })]
      : [];
  const { attentionNorm, mlpNorm } = model.files.names;
  const norm = (template: string) => ({ norm: `${nameFor(template, layer)}.weight` });
  switch (tap.site) {
    case "attention":
      return [straight(layer, "attention", -1, [{ linears: tap.linears, rows: all }], norm(attentionNorm))];
    case "output":
      // Limits of v hold for its values as they are. Values from a latent and convolutions are not rows of a linear.
      if (model.config.clipQkv !== null || weights.mixer.kind !== "attention") return [];
      return [output(model, layer, weights.mixer.linears, all)];
    case "experts": {
      const readers = [...expertReaders(model, tap, weights.experts), ...sharedReaders(weights, all)];
      const site = straight(layer, "mlp", -1, readers, norm(mlpNorm));
      return [{ ...site, exact: [weights.router, weights.sharedGate].filter((linear) => linear !== undefined) }];
    }
    case "dense":
      return [straight(layer, "mlp", -1, [{ linears: tap.linears, rows: all }], norm(mlpNorm))];
    case "expertsDown":
      return weights.experts.flatMap((mlp, expert) => down(mlp, expert, spanRows(model, tap, expert)));
    case "sharedDown":
      return down(weights.shared as Mlp, -1, all);
    case "denseDown":
      return down(weights.dense as Mlp, -1, all);
    default:
      return [];
  }
}

function straight(
  layer: number,
  site: SmoothSite["site"],
  expert: number,
  readers: readonly Readers[],
  source: SmoothSite["source"],
): SmoothSite {
  const factors = readers[0].rows.cols;
  const factorOf = Int32Array.from({ length: factors }, (_, col) => col);
  return { layer, site, expert, readers, exact: [], source, factorOf, factors };
}

/** Column (query head, i) of o's input comes from row i of its value head in v. */
function output({ config }: Model, layer: number, { o, v }: AttentionWeights["linears"], rows: SmoothRows): SmoothSite {
  const { heads, kvHeads, headDim } = config;
  const site = straight(layer, "output", -1, [{ linears: [o], rows }], { linear: v });
  const factorOf = site.factorOf.map((col) => {
    const head = Math.floor(col / headDim);
    return Math.floor(head / (heads / kvHeads)) * headDim + (col % headDim);
  });
  return { ...site, factorOf, factors: kvHeads * headDim };
}

function expertReaders(model: Model, tap: Tap, experts: readonly Mlp[]): readonly Readers[] {
  return experts.map(({ gate, up }, expert) => ({ linears: [gate, up], rows: spanRows(model, tap, expert) }));
}

function sharedReaders({ shared }: LayerWeights, rows: SmoothRows): readonly Readers[] {
  return shared === undefined ? [] : [{ linears: [shared.gate, shared.up], rows }];
}

/** The rows that were routed to an expert. */
function spanRows({ machine }: Model, { input, spans, index = 0 }: Tap, expert: number): SmoothRows {
  const [start, count] = machine.arena.i32((spans as number) + 8 * expert, 2);
  const { ptr, ld, cols } = input;
  if (index === 0) return { ptr: ptr + 4 * start * ld, ld, cols, index: 0, count };
  return { ptr, ld, cols, index: index + 4 * start, count };
}
