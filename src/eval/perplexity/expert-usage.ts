/** Counts which experts a model uses: tokens sent to each, and the sum of their routing weights. */

import { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Routes } from "../../nn/mlp.ts";
import { mostIds } from "../scoring/scored-windows.ts";

/** Number of tokens that an expert got, and the sum of its routing weights over them. */
export interface ExpertUse {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  /** Sum of the routing weights by which the expert's outputs were multiplied. */
  readonly gateSum: number;
}

/** Adds up the choices in the routing lists that passes have written. */
export class ExpertTally {
  readonly #model: Model;
  readonly #layers: readonly { readonly tokens: Float64Array; readonly gateSums: Float64Array }[];

  constructor(model: Model) {
    const { experts, moeLayers } = model.config;
    this.#model = model;
    this.#layers = moeLayers.map(() => ({ tokens: new Float64Array(experts), gateSums: new Float64Array(experts) }));
  }

  /** Adds the choices of `tokens` tokens in a MoE layer. */
  add(layer: number, routes: Routes, tokens: number): void {
    const { arena } = this.#model.machine;
    const count = tokens * this.#model.config.topK;
    const chosen = arena.i32(routes.experts, count);
    const weights = arena.f32(routes.weights, count);
    const sums = this.#layers[layer];
    for (let at = 0; at < count; at++) {
      sums.tokens[chosen[at]]++;
      sums.gateSums[chosen[at]] += weights[at];
    }
  }

  /** One entry for each expert of each MoE layer. */
  result(): readonly ExpertUse[] {
    const { moeLayers } = this.#model.config;
    return this.#layers.flatMap(({ tokens, gateSums }, layer) =>
      moeLayers[layer]
        ? Array.from(tokens, (count, expert) => ({ layer, expert, tokens: count, gateSum: gateSums[expert] }))
        : [],
    );
  }
}

/** Counts the use of the experts of all MoE layers over `windows`, which each start at position 0, in the model's arithmetic. */
export async function expertUsage(
  model: Model,
  windows: readonly (readonly number[])[],
  options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Progress) => void } = {},
): Promise<readonly ExpertUse[]> {
  const turns = new Turns(options.signal);
  const tally = new ExpertTally(model);
  const context = mostIds(windows);
  using session = model.session({ context, batch: context, logits: "none", keepRoutes: true });
  for (const [done, window] of windows.entries()) {
    options.onProgress?.({ phase: "expert use", done, total: windows.length, unit: "windows" });
    session.truncate(0);
    await session.evaluate(window, turns);
    model.config.moeLayers.forEach((moe, layer) => {
      if (moe) tally.add(layer, session.state.routes[layer], window.length);
    });
  }
  return tally.result();
}
