/** Measures what fewer bits of head and embedding cost, in nats of KL per token. */
import type { Model } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { overlayOf } from "../../model/weights/weight-tree.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { quantizeModel } from "../quantize/quantize-model.ts";
import { DAMAGE_SAMPLE_TOKENS } from "../statistics/damage-table.ts";
import { placeQuantized } from "../windows/place-quantized.ts";
import type { Windows } from "../windows/window-batch.ts";
import { DamageProbe } from "./damage-probe.ts";
import { type DamageOptions, damageSample, groupKl } from "./measure-damage.ts";
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
    const { machine, weights } = changing;
    const klOf = async (linear: Linear, matrix: QuantizedMatrix) => {
      using scratch = machine.arena.region();
      return await groupKl(probe, [linear], ({ name }) => placeQuantized(machine, scratch, name, matrix), turns);
    };
    return {
      head: { 4: await klOf(weights.head, head4), 8: await klOf(weights.head, head8) },
      embedding: { 8: await klOf(weights.embedding, embedding8) },
    };
  });
}
