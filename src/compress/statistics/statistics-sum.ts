/**
 * Adds up runs over different tokens: counts and sums are added, means are weighted by tokens, maxima take the larger value. Whole
 * Hessians are added when they are requested.
 */
import { UsageError } from "../../base/errors.ts";
import {
  type BlockStatistics,
  DISTANCE_BITS,
  type ExpertDistance,
  type InputStatistics,
  type Statistics,
  starvedOf,
} from "./statistics.ts";
import { checkStatistics } from "./statistics-check.ts";
import { meanOfTwo, meanTriangles } from "./triangles.ts";

/**
 * Adds two runs of one model.
 * @throws FormatError for numbers that statistics cannot have; UsageError for different models, for the same tokens, or if only one run
 * has Hessians or distances.
 */
export function mergeStatistics(a: Statistics, b: Statistics): Statistics {
  checkStatistics(a, "first statistics");
  checkStatistics(b, "second statistics");
  if (a.modelHash !== b.modelHash)
    throw new UsageError("statistics", "those of two models", "runs of the same configuration and weights");
  const twice = a.tokenHashes.find((hash) => b.tokenHashes.includes(hash));
  if (twice !== undefined)
    throw new UsageError("statistics", `the same tokens in both (SHA-256 ${twice})`, "runs over different tokens");
  return { ...addStatistics(a, b), tokenHashes: [...a.tokenHashes, ...b.tokenHashes] };
}

/** The sums of two runs of one model, with the hashes of the first. */
export function addStatistics(a: Statistics, b: Statistics): Statistics {
  checkSameParts(a, b);
  const experts = a.experts.map((use, i) => {
    return { ...use, tokens: use.tokens + b.experts[i].tokens, gateSum: use.gateSum + b.experts[i].gateSum };
  });
  const weights = [a.tokens, b.tokens] as const;
  const distances = a.distances?.map((distance, i) => addDistance(distance, b.distances![i]));
  const hiddenSize = a.inputs.find(({ site }) => site === "experts")?.cols ?? 0;
  return {
    ...a,
    tokens: a.tokens + b.tokens,
    windows: a.windows + b.windows,
    experts,
    pairs: a.pairs.map(({ layer, counts }, i) => {
      return { layer, counts: counts.map((count, at) => count + b.pairs[i].counts[at]) };
    }),
    blocks: a.blocks.map((block, i) => addBlock(block, b.blocks[i], weights)),
    inputs: a.inputs.map((input, i) => addInput(input, b.inputs[i])),
    ...(distances === undefined ? {} : { distances }),
    starved: starvedOf(experts, hiddenSize),
  };
}

function checkSameParts(a: Statistics, b: Statistics): void {
  const differ = (what: string) =>
    new UsageError("statistics", `${what} in one run only`, "runs with the same options, so that both can be added up");
  if ((a.distances === undefined) !== (b.distances === undefined)) throw differ("distances");
  if (a.inputs.some(({ hessian }, i) => (hessian === undefined) !== (b.inputs[i]?.hessian === undefined)))
    throw differ("whole Hessians");
  const shape = ({ experts, pairs, blocks, inputs }: Statistics) =>
    [
      experts.length,
      pairs.length,
      blocks.length,
      ...inputs.flatMap((i) => [i.layer, i.site, i.experts, i.cols]),
    ].join();
  if (shape(a) !== shape(b)) throw new UsageError("statistics", "other layers, experts or sites", "runs of one model");
}

function addBlock(a: BlockStatistics, b: BlockStatistics, weights: readonly [number, number]): BlockStatistics {
  const predicted =
    a.predicted === undefined || b.predicted === undefined
      ? (a.predicted ?? b.predicted)
      : meanOfTwo(a.predicted, b.predicted, weights);
  return {
    layer: a.layer,
    cosine: meanOfTwo(a.cosine, b.cosine, weights),
    cosineModule: meanOfTwo(a.cosineModule, b.cosineModule, weights),
    ...(predicted === undefined ? {} : { predicted }),
  };
}

function addInput(a: InputStatistics, b: InputStatistics): InputStatistics {
  const diagonal = a.hessianDiagonal.map((value, at) => {
    const row = Math.floor(at / a.cols);
    return meanOfTwo(value, b.hessianDiagonal[at], [a.tokens[row], b.tokens[row]]);
  });
  const hessian = a.hessian && b.hessian && meanTriangles(a.hessian, b.hessian, [a.tokens, b.tokens]);
  return {
    ...a,
    tokens: a.tokens.map((count, row) => count + b.tokens[row]),
    channelMax: a.channelMax.map((most, at) => Math.max(most, b.channelMax[at])),
    hessianDiagonal: diagonal,
    ...(hessian === undefined ? {} : { hessian }),
  };
}

function addDistance(a: ExpertDistance, b: ExpertDistance): ExpertDistance {
  const errors = DISTANCE_BITS.map((bits) => [bits, a.errors[bits] + b.errors[bits]]);
  return { ...a, energy: a.energy + b.energy, errors: Object.fromEntries(errors) as ExpertDistance["errors"] };
}
