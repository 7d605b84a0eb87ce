import { expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { adamw } from "../../reference/predictor/adamw.ts";

const SETTINGS = { learningRate: 0.02, weightDecay: 0.1 };

it.each([
  [1, 1],
  [6, 1],
  [5, 7],
])("adamw_f32 steps as the reference does, %i panels of %i rows", (panels, rows) => {
  const cols = 16 * panels;
  const size = cols * rows;
  const start = gaussians(size, 1);
  const gradients = [2, 3, 4].map((seed) => gaussians(size, seed, 0.1));
  const found = sameBits((bench, call) => {
    const [parameters, mean, square] = [start, new Float32Array(size), new Float32Array(size)].map((x) => bench.put(x));
    gradients.forEach((gradient, step) => {
      const numbers = [
        ...[0.1, 0.001, 1 - SETTINGS.learningRate * SETTINGS.weightDecay],
        ...[SETTINGS.learningRate / (1 - 0.9 ** (step + 1)), 1 / (1 - 0.999 ** (step + 1)), 1e-8],
      ].map(f32Bits);
      call("adamw_f32", panels, parameters, mean, square, bench.put(gradient), cols, rows, ...numbers);
    });
    return bench.f32(parameters, size);
  });
  // Gradients stand in rows, parameters in panels.
  const inPanels = gradients.map((gradient) =>
    gradient.map((_, at) => {
      const [panel, row] = [Math.floor(at / (16 * rows)), Math.floor(at / 16) % rows];
      return gradient[row * cols + 16 * panel + (at % 16)];
    }),
  );
  expect(worstError(found, adamw(start, inPanels, SETTINGS), 1)).toBeLessThan(1e-6);
});
