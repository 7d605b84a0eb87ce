/** The committed study, condensed by scripts/site/study-data.mjs, and questions to it. */

/** Average bits asked for, those of the plan, bytes of its file, and a digit for the bits of each linear. */
export type Step = readonly [budget: number, bits: number, bytes: number, plan: string];

export interface StudyPoint {
  readonly name: string;
  readonly policy: string;
  readonly strategy: string;
  readonly menu: readonly number[] | null;
  readonly bits: number;
  readonly bytes: number;
  /** KL and its standard error on each text of the model, null where it was not measured. */
  readonly kl: readonly (readonly [mean: number, stdErr: number] | null)[];
  readonly losses: readonly (readonly [layer: number, role: string, projection: string, share: number])[];
  readonly plan: string | null;
}

export interface StudyModel {
  readonly name: string;
  readonly texts: readonly string[];
  readonly floatBytes: number;
  readonly points: readonly StudyPoint[];
  readonly experts: readonly (readonly [layer: number, expert: number, tokens: number])[];
  /** Names of the linears that plans give bits to. */
  readonly modules: readonly string[] | null;
  readonly steps: readonly Step[];
}

export interface Study {
  readonly models: readonly StudyModel[];
}

let study: Promise<Study> | undefined;

/** Reads the study beside the page, once. A reading that failed is tried again by the next call. */
export function readStudy(): Promise<Study> {
  study ??= fetch("study.json")
    .then((response) => {
      if (!response.ok) throw new Error(`study.json: the server answered ${response.status}`);
      return response.json() as Promise<Study>;
    })
    .catch((error) => {
      study = undefined;
      throw error;
    });
  return study;
}

/** The measured plan of a strategy with the least KL on a text that fits the budget, in average bits. */
export function bestWithin(model: StudyModel, text: number, { strategy, budget }: Wanted): StudyPoint | undefined {
  return model.points
    .filter((point) => point.strategy === strategy && point.bits <= budget + SLACK && point.kl[text] !== null)
    .reduce<StudyPoint | undefined>(
      (best, point) => (best === undefined || klAt(point, text) < klAt(best, text) ? point : best),
      undefined,
    );
}

export interface Wanted {
  readonly strategy: string;
  /** Average bits. */
  readonly budget: number;
}

/** Budgets are steps of 0.05 bits; plans that differ from one by less are counted to it. */
const SLACK = 0.005;

export const klAt = ({ kl }: StudyPoint, text: number): number => kl[text]?.[0] ?? Number.POSITIVE_INFINITY;

/** Strategies of the model on a text, in the order in which the page names them. */
export function strategiesOf(model: StudyModel, text: number): readonly string[] {
  const present = new Set(model.points.filter(({ kl }) => kl[text] !== null).map(({ strategy }) => strategy));
  return STRATEGIES.filter(({ id }) => present.has(id)).map(({ id }) => id);
}

export const STRATEGIES = [
  { id: "knapsack", text: "knapsack", about: "least measured damage within the budget" },
  { id: "rule", text: "best rule", about: "one line of structure and statistics" },
  { id: "auto", text: "auto", about: "a rule found in seconds" },
  { id: "uniform", text: "uniform", about: "the same bits everywhere" },
  { id: "random", text: "random", about: "linears raised by lot" },
] as const;
