/** One line of a sweep's results, as a sweep writes it and the report reads it. */

/** Name of the plan that stands for the float model, which is a cell of its own. */
export const FLOAT_PLAN = "float";

/** KL from the float model, in nats a token. */
export interface KlMetric {
  readonly mean: number;
  readonly stdErr: number;
  readonly tokens: number;
  /** Mean KL of every window, in the order of the text. */
  readonly windows: readonly number[];
  readonly sameTop: number;
  readonly perplexityRatio: number;
  /** Whether the text is of the kind that damages were measured on: the predicted KL is held against it, and plans are not compared on it. */
  readonly forPrediction?: boolean;
}

export interface PerplexityMetric {
  readonly perplexity: number;
  readonly nll: number;
  readonly nllStdErr: number;
  readonly scoredTokens: number;
  /** Mean NLL of every window, in the order of the text. */
  readonly windows: readonly number[];
}

export interface TasksMetric {
  readonly tasks: Readonly<Record<string, TaskScore>>;
}

/** The primary metric of a task. */
export interface TaskScore {
  readonly metric: string;
  readonly value: number;
  readonly stdErr: number;
  readonly chance: number;
  /** One digit for each item: 1 for right, 0 for wrong. */
  readonly outcomes: string;
}

export type CellMetric =
  | ({ readonly type: "kl" } & KlMetric)
  | ({ readonly type: "perplexity" } & PerplexityMetric)
  | ({ readonly type: "tasks" } & TasksMetric);

/** The loss of the linears of one layer, role and projection together. */
export interface LossLine {
  readonly layer: number;
  readonly role: string;
  readonly projection: string;
  readonly loss: number;
  /** The loss of plain rounding. */
  readonly rtnLoss: number;
}

export interface ExpertLine {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  readonly gateSum: number;
}

/** How much a block changes its input: 1 minus the cosine of the two, or what a sweep measures instead. */
export interface BlockLine {
  readonly layer: number;
  readonly importance: number;
}

/** The outlier score of the linears of one layer, role and projection together. */
export interface OutlierLine {
  readonly layer: number;
  readonly role: string;
  readonly projection: string;
  readonly score: number;
}

/** What the report draws of the float model if its cell has it. */
export interface FloatStructure {
  readonly blocks: readonly BlockLine[];
  readonly outliers: readonly OutlierLine[];
}

/** What is measured of every model. */
export interface Measures {
  readonly averageBits: number;
  readonly trueBytes: number;
  /** Metrics by name. */
  readonly metrics: Readonly<Record<string, CellMetric>>;
  readonly versions: Readonly<Record<string, string | number>>;
}

/** What is measured of the float model only. */
export interface FloatMeasures extends Measures, Partial<FloatStructure> {
  readonly experts: readonly ExpertLine[];
}

/** What is measured of a quantised model only. */
export interface PlanMeasures extends Measures {
  readonly losses: readonly LossLine[];
  /** Experts that too few calibration tokens reached. */
  readonly starved: number;
  /** Of a knapsack: the KL that it expects of its plan, from what it measured on calibration tokens. */
  readonly predictedKl?: number;
}

/** Which cell it is: one model under one plan, with one draw of the calibration tokens and one seed. */
export interface CellFacts {
  readonly key: string;
  readonly model: string;
  readonly plan: string;
  readonly policy: string;
  /** The plan of as many bytes, drawn at random, that this one has to beat. */
  readonly control: string | null;
  readonly grid: string | null;
  readonly calibration: string | null;
  readonly seed: number | null;
  /** The activations that the plan itself sets; null if it was measured with those of the sweep. */
  readonly activations: string | null;
  readonly hashes: Readonly<Record<string, string>>;
  readonly timing: { readonly seconds: number };
}

/** A menu of widths and a budget at which plans are compared, such as one budget of the 2 x 2 of menus and strategies. */
export interface PlaceLine {
  /** The widths that its plans may choose from, in bits. */
  readonly menu: readonly number[];
  /** In average bits. */
  readonly budget: number;
}

/** Labels that a sweep's configuration gives a plan. Missing where it gives none. */
export interface CellDesign {
  /** How widths were chosen: "rule", "knapsack" or another name. */
  readonly strategy: string | null;
  /** The kind of rule. */
  readonly family: string | null;
  /** Where the plan is compared as the plan of its strategy. */
  readonly competesAt: readonly PlaceLine[];
}

export type CellLine = CellFacts &
  Partial<{ readonly [Label in keyof CellDesign]: NonNullable<CellDesign[Label]> }> &
  (FloatMeasures | PlanMeasures);
