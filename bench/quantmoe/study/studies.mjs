// What the study runs for each model: budgets, menus, rules, texts, calibration draws, grid. Paths are relative to this folder, where the sweeps'
// configurations lie.
import { BUDGETS, familiesOf, MENUS } from "./families.mjs";
import { shortlistOf } from "./shortlist.mjs";

/** One grid for all plans, also where `quantize` would take another by default (uniform 4 bits): the one that it takes at 2 and 3 bits. */
export const GRID = { name: "default at 2 and 3 bits", symmetric: false };

/** Draws of calibration text: how many, the windows and tokens of each, and the windows that are held back. */
export const DRAWS = { count: 5, windows: 32, length: 256, held: 16 };

const WIKITEXT = "../data/wikitext2";

const fable = (name) => ({
  model: { name, path: `../../../models/${name}` },
  budgets: BUDGETS,
  menus: Object.keys(MENUS),
  families: familiesOf,
  /** The least share of a budget's bytes that a rule must take to be listed for it. */
  fills: 0,
  /** Text that the model has written itself (write-draws.mjs), so that no chosen text decides what the plans are good at (../calibration.json). */
  draws: Array.from({ length: DRAWS.count }, (_, draw) => ({
    name: `draw ${draw}`,
    idsFile: `texts/own-${name}.json`,
    windows: [DRAWS.windows * draw, DRAWS.windows],
  })),
  /** Rules are chosen on these draws and this text, and on nothing else. */
  selection: { draws: 1, metric: ids("selection", "../../../test/fixtures/eval/tinystories-ids.json") },
  scoring: [
    ids("stories", "texts/stories.json"),
    { name: "novels", type: "kl", text: "texts/novels.txt", window: 256, limit: 6144 },
    /** What the knapsack expects is held against more of the model's own text. */
    { ...{ name: "own text", type: "kl", idsFile: `texts/held-${name}.json` }, forPrediction: true },
  ],
  /** Random plans as controls: of which menu, in which budget, linears drawn from which width to which. */
  random: [
    { menu: "2,4", budget: 2.8, base: 2, raised: 4 },
    { menu: "2,3,4,8", budget: 2.8, base: 2, raised: 3 },
  ],
  seeds: 10,
  /** Whether knapsacks over refined damages are scored too: it takes minutes a draw here, and hours on a large model. */
  refine: true,
  settings: { activations: "f32", sampleTokens: 4096 },
});

/** A part of the same on a model whose cells take minutes: four budgets, the wide menu alone, fewer rules, draws and seeds. */
const smol = {
  model: { name: "smol-moe", path: "../../../models/smol-moe" },
  budgets: [2.6, 3.0, 3.4, 3.8],
  menus: ["2,3,4,8"],
  families: shortlistOf,
  fills: 0.995,
  draws: [0, 1, 2].map((draw) => ({
    ...{ name: `draw ${draw}`, text: [`${WIKITEXT}/wiki.valid.raw.gz`] },
    ...{ samples: 32, length: 256, seed: draw },
  })),
  /** The same again on text that the model writes itself, as the fable models are calibrated. Rules are those that were chosen on Wikipedia. */
  own: [0, 1, 2].map((draw) => ({ name: `own text ${draw}`, self: true, samples: 32, length: 256, seed: draw })),
  /** Calibration windows come from anywhere in the validation text, so rules are chosen on a part of the test text that is not scored. */
  selection: { draws: 1, metric: wikitext("selection", { skip: 65536, limit: 4096 }) },
  scoring: [
    /** The ids of ../smol-moe.json. */
    wikitext("wikitext", { limit: 8000 }),
    { name: "novels", type: "kl", text: "texts/novels.txt", window: 512, limit: 6144 },
  ],
  /** All items that the data has. */
  tasks: [{ name: "tasks", type: "tasks", tasks: ["copa", "piqa", "hellaswag"], data: "../data/eval" }],
  random: [{ menu: "2,3,4,8", budget: 2.6, base: 2, raised: 3 }],
  seeds: 5,
  refine: false,
  settings: { sampleTokens: 512 },
};

function ids(name, idsFile) {
  return { name, type: "kl", idsFile, window: 256, limit: 4096 };
}

function wikitext(name, part) {
  return { name, type: "kl", text: `${WIKITEXT}/wiki.test.raw.gz`, window: 512, ...part };
}

export const STUDIES = {
  "fable-mixtral": fable("fable-mixtral"),
  "fable-deepseek": fable("fable-deepseek"),
  "smol-moe": smol,
};

/** A sweep's configuration as its file says it. */
export function sweepOf({ model, settings }, { calibration, plans, metrics }) {
  return { models: [model], calibration, grids: [GRID], plans, metrics, ...settings };
}
