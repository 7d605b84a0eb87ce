/** Tells from headers how much memory a model will take, and how many bytes each decoded token will read. */
import type { CacheType } from "../nn/attention.ts";
import type { ModelConfig } from "./config/model-config.ts";
import { activeOf, type ModuleFacts } from "./inspect.ts";
import { cacheBytesPerToken } from "./pass/state/mixer-widths.ts";

export interface ExpectedUse {
  /** Bytes of all weights in memory. */
  readonly weightBytes: number;
  readonly cacheBytesPerToken: number;
  /** Tokens for which the cache is counted. */
  readonly context: number;
  /** Bytes of weights and cache. Run buffers, the kernels and the runtime itself come on top. */
  readonly memoryBytes: number;
  /** Bytes of the weights that must be in memory at the same time if experts are read when they are needed: all others, and one expert. */
  readonly leastWeightBytes: number;
  /** Bytes of weights that one decoded token reads. The cache of the tokens before it comes on top. */
  readonly bytesPerToken: number;
}

export function expectedUse(
  config: ModelConfig,
  modules: readonly ModuleFacts[],
  { context, cache = "f32" }: { readonly context: number; readonly cache?: CacheType },
): ExpectedUse {
  const weightBytes = modules.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
  const perToken = cacheBytesPerToken(config, cache);
  const bytesPerToken = modules.reduce((sum, module) => sum + activeOf(module, module.memoryBytes, config), 0);
  return {
    ...{ weightBytes, cacheBytesPerToken: perToken, context, leastWeightBytes: leastOf(modules) },
    ...{ memoryBytes: weightBytes + context * perToken, bytesPerToken: Math.round(bytesPerToken) },
  };
}

function leastOf(modules: readonly ModuleFacts[]): number {
  const experts = new Map<string, number>();
  let kept = 0;
  for (const { role, layer, expert, memoryBytes } of modules) {
    const key = `${layer}/${expert}`;
    if (role === "expert") experts.set(key, (experts.get(key) ?? 0) + memoryBytes);
    else kept += memoryBytes;
  }
  return kept + Math.max(0, ...experts.values());
}
