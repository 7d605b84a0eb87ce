import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { Turns } from "../../../src/base/turns.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { type ExpertDistance, relativeDistance, type Statistics } from "../../../src/compress/statistics/statistics.ts";
import { WindowBatch } from "../../../src/compress/windows/window-batch.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { linearNamed, readWeights } from "../../../src/model/weights/locate.ts";
import { readRows } from "../../../src/nn/emit.ts";
import { dequantize } from "../../../src/quant/quantization-error.ts";
import { rtn } from "../../../src/quant/rtn.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { swiglu_f32 } from "../../reference/network/mlp.ts";

const WINDOWS = [0, 1].map((window) => Array.from({ length: 32 }, (_, i) => (37 * i + 401 * window) % 4096));

async function open(path: string): Promise<Model> {
  const files = await readModelFiles(await nodeFolder(path));
  return Model.open(files, await createMachine({ threads: 2 }), { activations: "f32" });
}

describe("distances of experts", () => {
  let model: Model;
  let found: Statistics;
  beforeAll(async () => {
    model = await open("models/fable-mixtral");
    found = await calibrate(model, WINDOWS, { chunk: 1, distances: true });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("fall with every bit", () => {
    expect(found.distances?.map(({ layer, expert }) => [layer, expert])).toEqual(
      found.experts.map(({ layer, expert }) => [layer, expert]),
    );
    for (const distance of found.distances!) {
      if (distance.energy === 0) continue;
      const [two, three, four] = ([2, 3, 4] as const).map((bits) => relativeDistance(distance, bits));
      expect(four).toBeGreaterThan(0);
      expect(four).toBeLessThan(three);
      expect(three).toBeLessThan(two);
    }
  });

  it("are those of a plain computation in f64", async () => {
    for (const expert of [0, 5]) {
      const expected = await naive(model, 2, expert);
      const { energy, errors } = found.distances!.find((d) => d.layer === 2 && d.expert === expert)!;
      expect(energy / expected.energy).toBeCloseTo(1, 4);
      for (const bits of [2, 3, 4] as const) expect(errors[bits] / expected.errors[bits]).toBeCloseTo(1, 3);
    }
  });

  it("change nothing else", async () => {
    const { distances, ...others } = found;
    expect(others).toEqual(await calibrate(model, WINDOWS, { chunk: 1 }));
  });

  it("are refused for columns that no group divides", async () => {
    await using odd = await open("test/fixtures/families/deepseek-f16");
    await expect(calibrate(odd, [[1, 2, 3]], { distances: true })).rejects.toThrow(
      "found 40 columns, expected a multiple of 32",
    );
  });
});

/** One expert's sums over all windows. */
async function naive(model: Model, layer: number, expert: number): Promise<Omit<ExpertDistance, "layer" | "expert">> {
  const { machine, config, files } = model;
  const turns = new Turns();
  const mlp = model.weights.layers[layer].experts[expert];
  const linears = [mlp.gate, mlp.up, mlp.down];
  const weightsAt = async (bits: 2 | 3 | 4 | 16): Promise<readonly Float32Array[]> => {
    const all: Float32Array[] = [];
    for (const { name, rows, cols } of linears) {
      const weights = await readWeights(linearNamed(files, name));
      const grid = { groupSize: 64, symmetric: true, clip: "mse", scaleRounding: "f16" } as const;
      all.push(
        bits === 16 ? weights : dequantize(await rtn(machine, { weights, rows, cols }, { ...grid, bits, turns })),
      );
    }
    return all;
  };
  const [exact, two, three, four] = [await weightsAt(16), await weightsAt(2), await weightsAt(3), await weightsAt(4)];
  const sums = { energy: 0, errors: { 2: 0, 3: 0, 4: 0 } };
  using batch = new WindowBatch(model, WINDOWS);
  await batch.run(turns, (tap) => {
    if (tap.layer !== layer || tap.site !== "experts") return;
    const x = readRows(machine, tap.input);
    const { topK, hiddenSize } = config;
    const chosen = machine.arena.i32(batch.state.routes[layer].experts, batch.tokens * topK);
    const weights = machine.arena.f32(batch.state.routes[layer].weights, batch.tokens * topK);
    chosen.forEach((choice, at) => {
      if (choice !== expert) return;
      const token = Math.floor(at / topK);
      const input = x.subarray(token * hiddenSize, (token + 1) * hiddenSize);
      const y = outputOf(exact, input);
      sums.energy += weights[at] ** 2 * y.reduce((sum, value) => sum + value ** 2, 0);
      for (const [bits, rounded] of [
        [2, two],
        [3, three],
        [4, four],
      ] as const) {
        const other = outputOf(rounded, input);
        sums.errors[bits] += weights[at] ** 2 * y.reduce((sum, value, i) => sum + (other[i] - value) ** 2, 0);
      }
    });
  });
  return sums;
}

function outputOf([gate, up, down]: readonly Float32Array[], x: Float32Array): Float64Array {
  return times(down, swiglu_f32(times(gate, x), times(up, x)));
}

function times(matrix: Float32Array, x: ArrayLike<number>): Float64Array {
  const cols = x.length;
  return Float64Array.from({ length: matrix.length / cols }, (_, row) => {
    let sum = 0;
    for (let col = 0; col < cols; col++) sum += matrix[row * cols + col] * x[col];
    return sum;
  });
}
