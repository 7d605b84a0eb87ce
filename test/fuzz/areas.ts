/** All areas by name. Adding one: a function in `areas/`, a line here. */
import type { Area } from "./area.ts";
import { gzip, ids, npy, tasks } from "./areas/data.ts";
import { blocks, references, statistics } from "./areas/files.ts";
import { gguf } from "./areas/gguf.ts";
import { ggufTokenizer } from "./areas/gguf-tokenizer.ts";
import { config, gptq, safetensors, shards } from "./areas/models.ts";
import { plans, policies, sweep } from "./areas/plans.ts";
import { templates } from "./areas/templates.ts";
import { tokenizer } from "./areas/tokenizer.ts";

/** Each is prepared once, then makes and reads as many inputs as are asked for. */
export const AREAS: Readonly<Record<string, () => Promise<Area>>> = {
  ...{ safetensors, shards, gguf, gptq, config, tokenizer, ggufTokenizer, templates, statistics, references, blocks },
  ...{ plans, policies, sweep, npy, ids, gzip, tasks },
};
