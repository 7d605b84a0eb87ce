/** Measures what fewer bits of head and embedding cost, in nats of KL per token. */
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { follow, overlayOf } from "../../model/weights/weight-tree.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { quantizeModel } from "../quantize/quantize-model.ts";
import { DAMAGE_SAMPLE_TOKENS } from "../statistics/damage-table.ts";
import { placeQuantized } from "../windows/place-quantized.ts";
import type { Windows } from "../windows/window-batch.ts";
import { DamageProbe } from "./damage-probe.ts";
import { type DamageOptions, damageSample } from "./measure-damage.ts";
import type { OuterDamages } from "./outer-choice.ts";

/** Measures both on the sample, with the head quantised by GPTQ on all windows. The model itself is not changed. */
export async function measureOuterDamage(
  model: Model,
  windows: Windows,
  { grid, groupSize, sampleTokens = DAMAGE_SAMPLE_TOKENS, signal }: DamageOptions,
): Promise<OuterDamages> {
  const own = model.untied();
  const { embedding, head } = own.weights;
  const matrixOf = async ({ name }: Linear, bits: 4 | 8): Promise<QuantizedMatrix> => {
    const settings = { ...grid, errorFeedback: 0, modules: new Map([[name, { bits, groupSize }]]) };
    const { matrices } = await quantizeModel(own, settings, { windows, signal });
    return (await matrices.get(name)) as QuantizedMatrix;
  };
  const [head4, head8] = [await matrixOf(head, 4), await matrixOf(head, 8)];
  const embedding8 = await matrixOf(embedding, 8);
  return own.job(signal, async (turns) => {
    const changing = own.withWeights(overlayOf(own.weights));
    using probe = await DamageProbe.create(changing, damageSample(windows, sampleTokens), turns);
    const { weights, config } = changing;
    const klOf = (linear: Linear, matrix: QuantizedMatrix, from: number) =>
      klWith(changing, probe, { linear, matrix, from }, turns);
    return {
      head: { 4: await klOf(weights.head, head4, config.layers), 8: await klOf(weights.head, head8, config.layers) },
      embedding: { 8: await klOf(weights.embedding, embedding8, -1) },
    };
  });
}

interface ReplacedLinear {
  readonly linear: Linear;
  readonly matrix: QuantizedMatrix;
  /** The first block that is computed again. */
  readonly from: number;
}

async function klWith(
  { machine }: Model,
  probe: DamageProbe,
  { linear, matrix, from }: ReplacedLinear,
  turns: Turns,
): Promise<number> {
  using scratch = machine.arena.region();
  try {
    linear.matrix = placeQuantized(machine, scratch, linear.name, matrix);
    return Math.max(0, await probe.kl(from, turns));
  } finally {
    follow(linear);
  }
}
