/** Trains one predictor network as the study does: one window per step, AdamW, early stop on held-out windows. The best weights are kept. */
import { UsageError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import { AdamW } from "./adamw.ts";
import type { NetworkWeights, PredictorNetwork } from "./predictor-network.ts";

/** The tokens of a window: x [rows, width] and their targets, [rows]. */
export interface Example {
  readonly x: Float32Array;
  readonly targets: Float32Array;
}

export interface TrainingOptions {
  /** Default 1e-4. */
  readonly learningRate?: number;
  /** Default 1e-2. */
  readonly weightDecay?: number;
  /** Limit of the passes over the windows. Default 100. */
  readonly epochs?: number;
  /** The training ends after this many epochs without a better validation error. Default 5. */
  readonly patience?: number;
  /**
   * Relative drop of the validation error that counts as better for `patience`, from the last error that counted. The best weights are
   * kept in any case. Default 0.05. The study uses none (0), and its errors keep falling slightly to the last epoch.
   */
  readonly minImprovement?: number;
}

export interface Fit {
  /** Mean squared error of the kept weights over all held-out tokens. */
  readonly validationError: number;
  /** Epochs run, including the last ones without improvement. */
  readonly epochs: number;
}

/** The study's settings, except that training ends once the order of the blocks no longer changes (docs/results.md). */
export const DEFAULT_TRAINING: Required<TrainingOptions> = {
  learningRate: 1e-4,
  weightDecay: 1e-2,
  epochs: 100,
  patience: 5,
  minImprovement: 0.05,
};

/** Windows for training, and held-out windows. */
export interface TrainingSet {
  readonly examples: readonly Example[];
  readonly held: readonly Example[];
}

/** Trains the network and leaves it with the weights of the least validation error. `random` orders the windows of each epoch. */
export async function train(
  network: PredictorNetwork,
  { examples, held }: TrainingSet,
  options: TrainingOptions,
  random: Random,
  turns: Turns,
): Promise<Fit> {
  const { epochs, patience, minImprovement, ...step } = checkTraining(options);
  using optimizer = new AdamW(network.machine, network.parameters, step);
  const order = [...examples];
  let best = { error: Number.POSITIVE_INFINITY, ...copyOf(network.weights) };
  let epoch = 0;
  let counted = Number.POSITIVE_INFINITY;
  for (let idle = 0; epoch < epochs && idle < patience; epoch++) {
    shuffle(order, random);
    for (const { x, targets } of order) {
      await network.backward(x, targets, turns);
      await optimizer.step(turns);
    }
    const error = await meanSquaredError(network, held, turns);
    idle = error < counted * (1 - minImprovement) ? 0 : idle + 1;
    if (idle === 0) counted = error;
    if (error < best.error) best = { error, ...copyOf(network.weights) };
  }
  const { first, second } = network.weights;
  first.set(best.first);
  second.set(best.second);
  return { validationError: best.error, epochs: epoch };
}

function copyOf({ first, second }: NetworkWeights): NetworkWeights {
  return { first: first.slice(), second: second.slice() };
}

async function meanSquaredError(
  network: PredictorNetwork,
  examples: readonly Example[],
  turns: Turns,
): Promise<number> {
  let sum = 0;
  let rows = 0;
  for (const { x, targets } of examples) {
    const scores = await network.predict(x, turns);
    for (let row = 0; row < scores.length; row++) sum += (scores[row] - targets[row]) * (scores[row] - targets[row]);
    rows += scores.length;
  }
  return sum / rows;
}

/** Fisher-Yates shuffle, in place. */
export function shuffle<T>(items: T[], random: Random): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [items[last], items[other]] = [items[other], items[last]];
  }
}

/** Fills in the defaults. @throws UsageError for invalid numbers, before any work. */
export function checkTraining(options: TrainingOptions): Required<TrainingOptions> {
  const { learningRate, weightDecay, epochs, patience, minImprovement } = { ...DEFAULT_TRAINING, ...options };
  if (!(learningRate > 0 && learningRate < 1))
    throw new UsageError("predictor: learning rate", String(learningRate), "a number above 0 and below 1");
  if (!(weightDecay >= 0 && weightDecay * learningRate < 1))
    throw new UsageError("predictor: weight decay", String(weightDecay), "a number from 0 and below 1 / learning rate");
  for (const [name, value] of Object.entries({ epochs, patience }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new UsageError(`predictor: ${name}`, String(value), "a whole number from 1");
  if (!(minImprovement >= 0 && minImprovement < 1))
    throw new UsageError("predictor: least improvement", String(minImprovement), "a number from 0 to 1, 1 excluded");
  return { learningRate, weightDecay, epochs, patience, minImprovement };
}
