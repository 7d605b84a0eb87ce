// The cases in which GPTQModel and Quern are compared: models, plans, settings and calibration draws. Paths are from the root.

export const MODELS = {
  "fable-mixtral": { path: "models/fable-mixtral" },
  /** GPTQModel reads it only in another spelling. */
  "fable-deepseek": { path: "models/fable-deepseek", translate: "as_qwen2_moe.py" },
};

/** Plans by the name that quern.json has for them. GPTQModel takes bits of single modules as `dynamic` rules. */
export const PLANS = {
  "uniform 2": { bits: 2 },
  "uniform 3": { bits: 3 },
  "uniform 4": { bits: 4 },
  "attention 4, down 3, rest 2": {
    bits: 2,
    dynamic: { "+:.*self_attn.*": { bits: 4 }, "+:.*[.]experts[.][0-9]+[.]down_proj": { bits: 3 } },
  },
};

/**
 * Settings by name. `plain` is GPTQ as published: natural order, 1 % damping, no search. `default` is what GPTQModel takes when nothing is said
 * (order within groups, 5 % damping). `best` has its clip search beside: the exponent 2.4 did best of those tried (README.md).
 */
export const SETTINGS = {
  plain: { act_group_aware: false, damp_percent: 0.01 },
  default: {},
  best: { mse: 2.4 },
  /** One case each, of which the README tells. */
  gptaq: { gptaq: {} },
  foem: { mse: 2.4, foem: {} },
};

/** The grid of the study: asymmetric, groups of 64. */
export const GRID = { sym: false, group_size: 64 };

/** The study's five draws of 32 windows. */
export const DRAWS = { file: "bench/quantmoe/study/texts/draws.json", count: 5, windows: 32 };

/** The study's texts, as options of `quern compare`. */
export const TEXTS = {
  stories: ["--ids-file", "bench/quantmoe/study/texts/stories.json", "--window", "256", "--limit", "4096"],
  novels: ["--text", "bench/quantmoe/study/texts/novels.txt", "--window", "256", "--limit", "6144"],
};
