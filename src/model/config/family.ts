/** Defines what a family of models is: how its config.json is translated for the forward pass, and how its tensors are named. */

import type { ConfigFields } from "./config-fields.ts";
import type { ModelConfig } from "./model-config.ts";
import type { ModuleNames, Spelling } from "./module-names.ts";

/** One kind of model: its `model_type`, a reader of its configuration, and its module names in each spelling. */
export interface Family {
  readonly modelType: string;
  readConfig(fields: ConfigFields): ModelConfig;
  readonly names: Readonly<Record<Spelling, ModuleNames>>;
}
