/** Which experts a model uses: tokens sent to each, and the sum of the weights they were used with. */
import type { Model } from "../model/model.ts";
import { Turns } from "../wasm/turns.ts";

export interface ExpertUse {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  readonly gateSum: number;
}

/** Over windows that each start at position 0, in the model's own arithmetic; MoE layers only. */
export async function expertUsage(
  model: Model,
  windows: readonly (readonly number[])[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly ExpertUse[]> {
  const { experts, topK, moeLayers } = model.config;
  const turns = new Turns(options.signal);
  const counts = moeLayers.map(() => ({ tokens: new Float64Array(experts), gateSums: new Float64Array(experts) }));
  const context = Math.max(...windows.map((window) => window.length));
  using session = model.session({ context, batch: context, logits: "none", keepRoutes: true });
  for (const window of windows) {
    session.truncate(0);
    await session.evaluate(window, turns);
    moeLayers.forEach((moe, layer) => {
      if (!moe) return;
      const { arena } = model.machine;
      const chosen = arena.i32(session.state.routes[layer].experts, window.length * topK);
      const weights = arena.f32(session.state.routes[layer].weights, window.length * topK);
      for (let at = 0; at < chosen.length; at++) {
        counts[layer].tokens[chosen[at]]++;
        counts[layer].gateSums[chosen[at]] += weights[at];
      }
    });
  }
  return counts.flatMap(({ tokens, gateSums }, layer) =>
    moeLayers[layer]
      ? Array.from(tokens, (count, expert) => ({ layer, expert, tokens: count, gateSum: gateSums[expert] }))
      : [],
  );
}
