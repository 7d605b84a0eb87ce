/** Gives a model whose head is tied to its embedding a head of its own, so that the two can have other bits. No weight is copied. */
import type { JsonObject } from "../base/json.ts";
import type { LinearShape } from "../tensor/linear-shape.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { ModuleNames } from "./config/module-names.ts";
import { headShape, type Linear } from "./weights/linears.ts";
import type { StoredLinear } from "./weights/locate.ts";
import type { Weights } from "./weights/weight-tree.ts";

/** The parts of a model's files that say where its head is. */
interface HeadFiles {
  readonly json: JsonObject;
  readonly config: ModelConfig;
  readonly names: ModuleNames;
  readonly linears: readonly StoredLinear[];
}

/** The files with one more linear, the head, which is read from the embedding's tensor; the same files if the head is not tied. */
export function untiedFiles<Files extends HeadFiles>(files: Files): Files {
  if (!files.config.tiedEmbeddings) return files;
  const config = { ...files.config, tiedEmbeddings: false };
  const { stored } = files.linears.find(({ role }) => role === "embedding") as StoredLinear;
  const head = { ...headShape(files.names, config), stored };
  const json = { ...files.json, tie_word_embeddings: false };
  return { ...files, config, json, linears: [...files.linears, head] };
}

/** The tree with a head that is named as one. It follows the embedding's address until a job gives it a matrix of its own. */
export function untiedWeights(weights: Weights, shape: LinearShape): Weights {
  const head = Object.assign(Object.create(weights.head) as Linear, shape);
  return { ...weights, head };
}
