// node bench/half-steps.mjs MODEL STATISTICS [groupSize]: what zero points halfway between two codes would gain, in scalar GPTQ of the
// attention's and the routed experts' linears. STATISTICS come from `quern calibrate MODEL --hessians`. Figures are geometric means
// over linears of the output's error, tr(D H D^T), relative to that of integer zero points.
import { parseArgs } from "node:util";
import { nodeFile } from "../dist/node.js";
import { statistics as topic } from "../dist/quantize.js";
import { bundleModule } from "../scripts/bundle.mjs";

await bundleModule("src/format/codecs/float-rows.ts", "build/float-rows.mjs");
await bundleModule("src/format/safetensors.ts", "build/safetensors.mjs");
const { floatDType, readFloats } = await import("../build/float-rows.mjs");
const { openSafetensors } = await import("../build/safetensors.mjs");

const [model, statistics, groupSize = "64"] = parseArgs({ allowPositionals: true }).positionals;
const GROUP = Number(groupSize);
const DAMP = 0.01;
/** Ranges tried, relative to the full range. */
const RANGES = Array.from({ length: 33 }, (_, i) => 1 - i / 48);

/** [scale, zero] of a range. Zero points are multiples of `step`; without it the grid is symmetric about `middle`. */
const GRIDS = {
  symmetric: { middle: (top) => (top + 1) / 2 },
  "symmetric, half a step aside": { middle: (top) => top / 2 },
  "integer zero points": { step: 1 },
  "zero points of half steps": { step: 0.5 },
};

const clamp = (value, top) => Math.min(Math.max(value, 0), top);
const rounded = (w, scale, zero, top) => scale * (clamp(Math.round(w / scale + zero), top) - zero);

/** The grid with the least error weighted by the Hessian's diagonal. */
function findGrid({ middle, step }, top, weights, importance) {
  const low = Math.min(0, ...weights);
  const high = Math.max(0, ...weights);
  const reach = Math.max(-low, high) || 1;
  let best = { error: Number.POSITIVE_INFINITY };
  for (const part of RANGES) {
    const scale = step === undefined ? (2 * reach * part) / top : ((high - low) * part || 1) / top;
    const zero = step === undefined ? middle(top) : clamp(step * Math.round((-low * part) / scale / step), top);
    const error = weights.reduce((sum, w, i) => sum + importance[i] * (rounded(w, scale, zero, top) - w) ** 2, 0);
    if (error < best.error) best = { error, scale, zero };
  }
  return best;
}

/** Lower Cholesky factor of a[n, n]. */
function cholesky(a, n) {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      l[i * n + j] = i === j ? Math.sqrt(sum) : sum / l[j * n + j];
    }
  return l;
}

/** Upper Cholesky factor of the inverse of a[n, n]: the reversed inverse of the factor of a with rows and columns reversed. */
function inverseFactor(a, n) {
  const turned = Float64Array.from(a).reverse();
  const l = cholesky(turned, n);
  const inverse = new Float64Array(n * n);
  for (let j = 0; j < n; j++)
    for (let i = j; i < n; i++) {
      let sum = i === j ? 1 : 0;
      for (let k = j; k < i; k++) sum -= l[i * n + k] * inverse[k * n + j];
      inverse[i * n + j] = sum / l[i * n + i];
    }
  return inverse.reverse();
}

/** tr(D H D^T) of GPTQ on w[rows, n]. */
function outputError(w, hessian, factor, n, grid, bits) {
  const top = 2 ** bits - 1;
  const importance = Float64Array.from({ length: n }, (_, i) => hessian[i * n + i]);
  let total = 0;
  for (let from = 0; from < w.length; from += n) {
    const row = Float64Array.from(w.subarray(from, from + n));
    const d = new Float64Array(n);
    let found;
    for (let j = 0; j < n; j++) {
      if (j % GROUP === 0) found = findGrid(grid, top, row.slice(j, j + GROUP), importance.subarray(j, j + GROUP));
      const q = rounded(row[j], found.scale, found.zero, top);
      const push = (row[j] - q) / factor[j * n + j];
      for (let k = j; k < n; k++) row[k] -= push * factor[j * n + k];
      d[j] = w[from + j] - q;
    }
    for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) total += d[i] * hessian[i * n + j] * d[j];
  }
  return total;
}

const SITES = {
  attention: /self_attn\.[qkv]_proj/,
  output: /self_attn\.o_proj/,
  experts: /experts\.E\.(gate_proj|up_proj|w1|w3)\./,
  expertsDown: /experts\.E\.(down_proj|w2)\./,
};

async function* linears() {
  const file = await openSafetensors(await nodeFile(`${model}/model.safetensors`));
  const source = await nodeFile(statistics);
  const { inputs } = await topic.readStatistics(source);
  for (const { layer, site, experts, cols: n, hessian } of inputs) {
    if (SITES[site] === undefined || hessian === undefined) continue;
    for (let expert = 0; expert < experts; expert++) {
      const whole = new Float64Array(n * n);
      const triangle = await hessian.of(expert);
      for (let i = 0; i < n; i++)
        for (let j = 0; j <= i; j++) whole[i * n + j] = whole[j * n + i] = triangle[(i * (i + 1)) / 2 + j];
      const damp = (DAMP * whole.reduce((sum, value, i) => sum + (i % (n + 1) === 0 ? value : 0), 0)) / n;
      if (damp === 0) continue;
      const damped = whole.map((value, i) => (i % (n + 1) === 0 ? value + damp : value));
      const factor = inverseFactor(damped, n);
      const pattern = new RegExp(`layers\\.${layer}\\..*${SITES[site].source.replace("E", expert)}`);
      for (const [name, entry] of file.entries)
        if (pattern.test(name))
          yield {
            w: await readFloats(entry, floatDType(file, entry), 0, entry.shape[0] * n),
            hessian: whole,
            factor,
            n,
          };
    }
  }
  await source.close();
  await file.close();
}

const BITS = [2, 3, 4];
const logs = new Map(BITS.map((bits) => [bits, new Map(Object.keys(GRIDS).map((name) => [name, 0]))]));
let count = 0;
for await (const { w, hessian, factor, n } of linears()) {
  count++;
  for (const [bits, sums] of logs)
    for (const [name, grid] of Object.entries(GRIDS))
      sums.set(name, sums.get(name) + Math.log(outputError(w, hessian, factor, n, grid, bits)));
}
console.log(
  `${model}: ${count} linears, groups of ${GROUP}\n${["grid".padEnd(30), ...BITS.map((bits) => `${bits} bits`)].join("  ")}`,
);
for (const name of Object.keys(GRIDS)) {
  const parts = BITS.map((bits) =>
    Math.exp((logs.get(bits).get(name) - logs.get(bits).get("integer zero points")) / count),
  );
  console.log([name.padEnd(30), ...parts.map((part) => part.toFixed(3).padStart(6))].join("  "));
}
