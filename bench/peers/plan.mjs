// What the bench measures: its models, and the tests of each.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./engines/lineup.mjs";
import { ensureModel } from "./models/generate.mjs";

const SMALL = { node: ["pp128", "pp512", "tg64"], pages: ["pp128", "tg32"], accuracy: true };
/** wllama needs seconds a token for large models, and their weights in float64 fit no memory. */
const LARGE = { node: ["pp128", "pp512", "tg64"], pages: ["pp32", "tg8"], accuracy: false, mostRuns: 3 };

/** The text whose tokens are compared with float64 in a model with a real vocabulary. */
export const TEXT =
  "The first railway in the north carried coal from the mines to the river. Its engines were slow, and on wet days the drivers " +
  "walked beside them and put sand on the rails. Twenty years later the same journey took an hour, and nobody remembered why.";

export const MODELS = [
  { name: "mixtral-small", quantisation: "q4_0", ...SMALL, builds: SMALL.node },
  { name: "mixtral-small", quantisation: "q8_0", ...SMALL },
  { name: "qwen2moe-small", quantisation: "q4_0", ...SMALL },
  { name: "qwen2moe-small", quantisation: "q8_0", ...SMALL },
  { name: "deepseek-small", quantisation: "q4_0", ...SMALL },
  { name: "deepseek-small", quantisation: "q8_0", ...SMALL },
  { name: "granitemoe-1b", quantisation: "q4_0", ...LARGE, builds: ["pp128", "tg64"] },
  { name: "granitemoe-1b", quantisation: "q8_0", ...LARGE, node: ["pp128", "tg64"], pages: [] },
  { name: "smol-moe", ...SMALL, isReal: true },
  { name: "olmoe-7b", quantisation: "q4_0", ...LARGE, node: ["pp128", "tg64"], pages: [], isOptional: true },
];

export const titleOf = ({ name, quantisation }) =>
  quantisation === undefined ? `${name}.gguf` : `${name} ${quantisation}`;

/** Where the real model lies unless the options say: beside the repository, or in the folder that QUERN_SHARED names. */
export const REAL = join(process.env.QUERN_SHARED ?? join(ROOT, "../shared"), "models/smol-moe/smol-moe.gguf");

/** The models of a run with their files, which are written where they are missing. `only` are beginnings of their titles. */
export function plannedModels({ only, real, large }) {
  const wanted = MODELS.filter((model) =>
    only === undefined ? large || !model.isOptional : only.some((start) => titleOf(model).startsWith(start)),
  );
  return wanted.flatMap((model) => {
    if (!model.isReal) return [{ ...model, file: ensureModel(model.name, model.quantisation) }];
    if (existsSync(real)) return [{ ...model, file: real }];
    console.error(`skipped ${titleOf(model)}: found no ${real}; --real PATH names it`);
    return [];
  });
}
