/** Trains one predictor network as the study does: a window a step, AdamW, early stop on windows held out, the best kept. */
import { UsageError } from "../../base/errors.ts";
import type { Random } from "../../base/random.ts";
import type { Turns } from "../../base/turns.ts";
import { AdamW } from "./adamw.ts";
import type { NetworkWeights, PredictorNetwork } from "./predictor-network.ts";

/** The tokens of a window: x [rows, width] and what each should give, [rows]. */
export interface Example {
  readonly x: Float32Array;
  readonly targets: Float32Array;
}

export interface TrainingOptions {
  /** Default 1e-4. */
  readonly learningRate?: number;
  /** Default 1e-2. */
  readonly weightDecay?: number;
  /** Most passes over the windows. Default 100. */
  readonly epochs?: number;
  /** Epochs without a better validation error that end the training. Default 5. */
  readonly patience?: number;
  /**
   * How much less the validation error must be to count as better for `patience`, as a part of the last one that did. The weights
   * that are kept are the best ones all the same. Default 0.05; the study has none, 0: its errors creep down to the last epoch.
   */
  readonly minImprovement?: number;
}

export interface Fit {
  /** Mean squared error over all tokens held out, of the weights that are kept. */
  readonly validationError: number;
  /** Epochs run, the last ones that brought nothing included. */
  readonly epochs: number;
}

/** The study's settings, and an end to training that no longer changes the order of the blocks (docs/results.md). */
export const DEFAULT_TRAINING: Required<TrainingOptions> = {
  learningRate: 1e-4,
  weightDecay: 1e-2,
  epochs: 100,
  patience: 5,
  minImprovement: 0.05,
};

/** Windows that are learned from, and those that are held out. */
export interface TrainingSet {
  readonly examples: readonly Example[];
  readonly held: readonly Example[];
}

/** Leaves the network with the weights whose validation error was least. `random` orders the windows of each epoch. */
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

/** Fisher and Yates. */
export function shuffle<T>(items: T[], random: Random): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = random.integer(last + 1);
    [items[last], items[other]] = [items[other], items[last]];
  }
}

/** Fills in the defaults. @throws UsageError for numbers that make no sense, before any work. */
export function checkTraining(options: TrainingOptions): Required<TrainingOptions> {
  const { learningRate, weightDecay, epochs, patience, minImprovement } = { ...DEFAULT_TRAINING, ...options };
  if (!(learningRate > 0 && learningRate < 1))
    throw new UsageError("predictor: learning rate", String(learningRate), "a number above 0 and below 1");
  if (!(weightDecay >= 0 && weightDecay * learningRate < 1))
    throw new UsageError(
      "predictor: weight decay",
      String(weightDecay),
      "a number from 0 that the learning rate takes",
    );
  for (const [name, value] of Object.entries({ epochs, patience }))
    if (!(Number.isInteger(value) && value >= 1))
      throw new UsageError(`predictor: ${name}`, String(value), "a whole number from 1");
  if (!(minImprovement >= 0 && minImprovement < 1))
    throw new UsageError("predictor: least improvement", String(minImprovement), "a number from 0 and below 1");
  return { learningRate, weightDecay, epochs, patience, minImprovement };
}
