// What the study runs for each model: texts, calibration draws, grid. Paths are relative to this folder, where the sweeps' configurations lie.

/** One grid for all plans, also where `quantize` would take another by default (uniform 4 bits): the one that it takes at 2 and 3 bits. */
export const GRID = { name: "default at 2 and 3 bits", symmetric: false };

const fable = (name) => ({
  model: { name, path: `../../../models/${name}` },
  /** Five draws of 32 windows of 256 tokens that share none. */
  draws: [0, 1, 2, 3, 4].map((draw) => ({
    name: `draw ${draw}`,
    idsFile: "texts/draws.json",
    windows: [32 * draw, 32],
  })),
  /** Rules are chosen on these draws and this text, and on nothing else. */
  selection: { draws: 1, metric: ids("selection", "../../../test/fixtures/eval/tinystories-ids.json") },
  scoring: [
    ids("stories", "texts/stories.json"),
    { name: "novels", type: "kl", text: "texts/novels.txt", window: 256, limit: 6144 },
  ],
  /** Random plans as controls: of which menu, in which budget, linears drawn from which width to which. */
  random: [
    { menu: "2,4", budget: 2.4, base: 2, raised: 4 },
    { menu: "2,4", budget: 2.8, base: 2, raised: 4 },
    { menu: "2,4", budget: 3.5, base: 2, raised: 4 },
    { menu: "2,3,4,8", budget: 2.4, base: 2, raised: 3 },
    { menu: "2,3,4,8", budget: 2.8, base: 2, raised: 3 },
    { menu: "2,3,4,8", budget: 3.5, base: 3, raised: 4 },
  ],
  seeds: 10,
  sampleTokens: 4096,
});

function ids(name, idsFile) {
  return { name, type: "kl", idsFile, window: 256, limit: 4096 };
}

export const STUDIES = { "fable-mixtral": fable("fable-mixtral"), "fable-deepseek": fable("fable-deepseek") };

/** A sweep's configuration as its file says it. */
export function sweepOf({ model, sampleTokens }, { calibration, plans, metrics }) {
  return { models: [model], calibration, grids: [GRID], plans, metrics, activations: "f32", sampleTokens };
}
