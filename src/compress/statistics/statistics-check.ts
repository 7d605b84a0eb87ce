/** Checks that statistics hold possible numbers. Infinite values or negative counts would otherwise silently decide plans. */
import { FormatError } from "../../base/errors.ts";
import { DISTANCE_BITS, type Statistics } from "./statistics.ts";

type Rule = readonly [test: (value: number) => boolean, expected: string];

const COUNT: Rule = [(value) => Number.isSafeInteger(value) && value >= 0, "a whole number from 0"];
const AMOUNT: Rule = [(value) => Number.isFinite(value) && value >= 0, "a finite number from 0"];
const FINITE: Rule = [Number.isFinite, "a finite number"];
/** Rounding may exceed 1 slightly. */
const COSINE: Rule = [(value) => Math.abs(value) <= 1 + 1e-6, "a cosine, from -1 to 1"];

/** @param where names the source in errors, such as the file. @throws FormatError naming the tensor, the index in it and the value. */
export function checkStatistics(statistics: Statistics, where: string): void {
  const check = (tensor: string, rule: Rule, values: ArrayLike<number>) =>
    checkValues(`${where}: tensor ${tensor}`, rule, values);
  const { experts, pairs, blocks, linears, inputs, distances = [] } = statistics;
  const place = experts.flatMap(({ layer, expert }) => [layer, expert]);
  check("experts.place", COUNT, place);
  check(
    "experts.tokens",
    COUNT,
    experts.map(({ tokens }) => tokens),
  );
  check(
    "experts.gateSum",
    AMOUNT,
    experts.map(({ gateSum }) => gateSum),
  );
  for (const { layer, counts } of pairs) check(`pairs.${layer}`, COUNT, counts);
  check(
    "blocks.layer",
    COUNT,
    blocks.map(({ layer }) => layer),
  );
  check(
    "blocks.cosine",
    COSINE,
    blocks.map(({ cosine }) => cosine),
  );
  check(
    "blocks.cosineModule",
    COSINE,
    blocks.map(({ cosineModule }) => cosineModule),
  );
  check(
    "blocks.predicted",
    FINITE,
    blocks.map(({ predicted = 0 }) => predicted),
  );
  check(
    "linears.outlier",
    AMOUNT,
    linears.map(({ outlier }) => outlier),
  );
  check(
    "linears.kurtosis",
    FINITE,
    linears.map(({ kurtosis }) => kurtosis),
  );
  for (const { layer, site, tokens, channelMax, hessianDiagonal } of inputs) {
    check(`inputs.${layer}.${site}.tokens`, COUNT, tokens);
    check(`inputs.${layer}.${site}.channelMax`, AMOUNT, channelMax);
    check(`inputs.${layer}.${site}.hessianDiagonal`, AMOUNT, hessianDiagonal);
  }
  check(
    "distances.energy",
    AMOUNT,
    distances.map(({ energy }) => energy),
  );
  check(
    "distances.errors",
    AMOUNT,
    distances.flatMap(({ errors }) => DISTANCE_BITS.map((bits) => errors[bits])),
  );
}

/** Checks a Hessian, when it is read or written. */
export function checkTriangle(where: string, triangle: Float64Array): void {
  checkValues(where, FINITE, triangle);
}

function checkValues(where: string, [test, expected]: Rule, values: ArrayLike<number>): void {
  for (let at = 0; at < values.length; at++)
    if (!test(values[at])) throw new FormatError(where, `found ${values[at]} at ${at}, expected ${expected}`);
}
