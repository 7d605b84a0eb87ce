/** A matrix of any shape, quantised by GPTQ or rounded, under any grid. */
import { Turns } from "../../../src/base/turns.ts";
import { type MatrixOptions, quantizeMatrix } from "../../../src/quant/quantize-matrix.ts";
import { gaussians } from "../../helpers/random.ts";
import type { Dice } from "../dice.ts";
import { type Configuration, hashOf, outcomeOf } from "./engines.ts";

const BITS = [2, 3, 4, 8] as const;

/** Some inputs are always 0, as those of experts that few tokens reach are. */
function drawInputs(dice: Dice, tokens: number, cols: number): Float32Array {
  const inputs = gaussians(tokens * cols, dice.below(1e6), 0.01);
  const dead = dice.chance(0.3) ? dice.below(cols) : -1;
  return inputs.map((value, at) => (at % cols === dead ? 0 : value));
}

export function drawMatrix(dice: Dice): Configuration {
  const [rows, cols, tokens] = [1 + dice.below(70), 1 + dice.below(150), 1 + dice.below(220)];
  const options: MatrixOptions = {
    bits: dice.pick(BITS),
    groupSize: dice.chance(0.2) ? -1 : dice.pick([1 + dice.below(cols), 16, 32, 64]),
    symmetric: dice.chance(0.5),
    clip: dice.pick(["none", "mse", "hessian"]),
    scaleRounding: dice.pick(["f16", "f32"]),
    actOrder: dice.pick(["none", "desc", "gar"]),
    staticGroups: dice.chance(0.5),
    deadColumns: dice.pick(["keep", "zero"]),
    dampPercent: dice.pick([0.001, 0.01, 0.1]),
    method: dice.chance(0.2) ? "rtn" : "gptq",
    shrinkage: dice.pick([0, 0, 0.5]),
  };
  const size = 10 ** (dice.below(5) - 3);
  const weights = gaussians(rows * cols, dice.below(1e6)).map((value) => size * value);
  const inputs = drawInputs(dice, tokens, cols);
  return {
    title: JSON.stringify({ rows, cols, tokens, size, ...options }),
    computeOn: (engine, machines) =>
      outcomeOf(async () => {
        const machine = await machines.on(engine);
        const run = { ...options, turns: new Turns() };
        const found = await quantizeMatrix(machine, { weights, inputs, rows, cols, tokens }, run);
        const { codes, scales, zeros, gIdx, perm, dequantised, rowLoss } = found;
        const arrays = Object.entries({ codes, scales, zeros, gIdx, perm, dequantised, rowLoss });
        const numbers = [found.loss, found.lambda, found.damp, found.outputError, found.rtnOutputError];
        return { ...Object.fromEntries(arrays.map(([name, data]) => [name, hashOf(data)])), numbers: numbers.join() };
      }),
  };
}
