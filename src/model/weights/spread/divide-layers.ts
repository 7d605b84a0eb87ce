/** Divides the layers of a model among memories, so that the largest share is as small as it can be. */
import { UsageError } from "../../../base/errors.ts";
import type { StoredLinear } from "../locate.ts";

/** Layers from `first` on, up to `end`, which is not one of them. */
interface LayerSpan {
  readonly first: number;
  readonly end: number;
}

/** The layers of each of the memories, in order. Embedding and head count to the first. @throws UsageError for fewer layers than memories. */
export function divideLayers(linears: readonly StoredLinear[], memories: number): readonly LayerSpan[] {
  const layers = 1 + Math.max(...linears.map(({ layer }) => layer));
  if (!Number.isInteger(memories) || memories < 1 || memories > layers)
    throw new UsageError("memories", String(memories), `1 to ${layers}, the layers of the model`);
  const bytes = new Float64Array(layers);
  let outer = 0;
  for (const { layer, stored } of linears) {
    if (layer < 0) outer += stored.memoryBytes;
    else bytes[layer] += stored.memoryBytes;
  }
  // The least limit that is enough is between the mean and the sum.
  let [low, high] = [0, outer + bytes.reduce((sum, value) => sum + value, 0)];
  while (high - low > 1) {
    const limit = (low + high) / 2;
    if (spansWithin(bytes, outer, limit).length <= memories) high = limit;
    else low = limit;
  }
  return splitFurther(spansWithin(bytes, outer, high), memories);
}

/** As many layers in each memory as the limit allows, one at least. */
function spansWithin(bytes: Float64Array, outer: number, limit: number): LayerSpan[] {
  const spans: LayerSpan[] = [];
  let [first, sum] = [0, outer];
  bytes.forEach((own, layer) => {
    if (sum + own > limit && (layer > first || spans.length === 0)) {
      spans.push({ first, end: layer });
      [first, sum] = [layer, 0];
    }
    sum += own;
  });
  return [...spans, { first, end: bytes.length }];
}

/** Splits the longest spans until there are as many as memories. */
function splitFurther(spans: LayerSpan[], memories: number): readonly LayerSpan[] {
  while (spans.length < memories) {
    const lengths = spans.map(({ first, end }) => end - first);
    const at = lengths.indexOf(Math.max(...lengths));
    const { first, end } = spans[at];
    const middle = (first + end) >> 1;
    spans.splice(at, 1, { first, end: middle }, { first: middle, end });
  }
  return spans;
}
