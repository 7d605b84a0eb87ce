/**
 * Translates the metadata of a GGUF file into a configuration with the field names of Hugging Face, which the families read. What
 * llama.cpp does not read from the file, but does for every model of an architecture, is written out in `ARCHITECTURES`.
 */

import { UnsupportedError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { markFloat } from "../../base/json-floats.ts";
import type { GgufParts } from "../../format/gguf/gguf-files.ts";
import type { Architecture } from "./architecture.ts";
import { ARCHITECTURES, CLASS_NAMES } from "./architectures.ts";
import { GgufFields } from "./gguf-fields.ts";
import { ropeFields } from "./gguf-rope.ts";

/** What a file is: its configuration, and what its architecture says of its tensors. */
export interface GgufConfig {
  readonly json: JsonObject;
  readonly architecture: Architecture;
}

/** @throws UnsupportedError for an architecture or a key that is not known, FormatError for a key that is missing or wrong. */
export async function ggufConfig(parts: GgufParts): Promise<GgufConfig> {
  const { metadata, tensors } = parts;
  const type = metadata.text("general.type") ?? "model";
  if (type !== "model") throw new UnsupportedError(`${metadata.where}: general.type`, type, ["model"]);
  const name = metadata.text("general.architecture");
  const architecture = name === undefined ? undefined : ARCHITECTURES.get(name);
  if (name === undefined || architecture === undefined)
    throw new UnsupportedError(`${metadata.where}: general.architecture`, name ?? "nothing", [...ARCHITECTURES.keys()]);
  const fields = new GgufFields(metadata, name);
  const common = commonFields(fields, tensors);
  const { hidden_size: hiddenSize, num_attention_heads: heads } = common;
  const own = architecture.ownHeads === true ? undefined : usualHeads(fields, hiddenSize, heads);
  const headDim = own?.head_dim ?? fields.number("rope.dimension_count") ?? hiddenSize / heads;
  const rope = await ropeFields(fields, tensors, { headDim, wholeColumns: architecture.wholeRopeColumns ?? true });
  const read = architecture.read(fields, { headDim, tensors });
  const architectures = [CLASS_NAMES[read["model_type"] as string]].filter((each) => each !== undefined);
  const json = { architectures, ...common, ...own, ...rope, ...read };
  fields.requireKnown();
  for (const field of FLOAT_FIELDS) if (field in json) markFloat(json, field);
  return { json, architecture };
}

/** Fields that are floats even where their values are whole: transformers refuses integers in them. */
const FLOAT_FIELDS = [
  ...["rms_norm_eps", "rope_theta", "routed_scaling_factor", "clip_qkv"],
  ...["embedding_multiplier", "attention_multiplier", "residual_multiplier", "logits_scaling"],
];

/** Fields that all architectures share. */
function commonFields(fields: GgufFields, tensors: GgufParts["tensors"]) {
  const heads = fields.uniform("attention.head_count") ?? fields.required("attention.head_count");
  const feedForward = fields.uniform("feed_forward_length");
  const window = fields.number("attention.sliding_window") ?? 0;
  return {
    hidden_size: fields.required("embedding_length"),
    // Layers that predict further tokens come after the others and are not run.
    num_hidden_layers: fields.required("block_count") - (fields.number("nextn_predict_layers") ?? 0),
    num_attention_heads: heads,
    ...(feedForward === undefined ? {} : { intermediate_size: feedForward }),
    vocab_size: tensors.get("token_embd.weight")?.shape[0] ?? fields.required("vocab_size"),
    max_position_embeddings: fields.required("context_length"),
    rms_norm_eps: fields.required("attention.layer_norm_rms_epsilon"),
    hidden_act: "silu",
    ...(window > 0 ? { sliding_window: window } : {}),
    tie_word_embeddings: !tensors.has("output.weight"),
    ...specialTokens(fields),
  };
}

/** Widths of heads, which are the same for queries, keys and values, and the number of key and value heads. */
function usualHeads(fields: GgufFields, hiddenSize: number, heads: number) {
  const headDim = fields.number("attention.key_length") ?? hiddenSize / heads;
  const valueDim = fields.number("attention.value_length") ?? headDim;
  if (valueDim !== headDim) throw fields.wrong("attention.value_length", valueDim, `${headDim}, as for keys`);
  return { head_dim: headDim, num_key_value_heads: fields.uniform("attention.head_count_kv") ?? heads };
}

/** Ids of the first token and of those that end a text; none for the id -1, which files have instead of nothing. */
function specialTokens(fields: GgufFields): { bos_token_id?: number; eos_token_id?: number | readonly number[] } {
  const idOf = (key: string) => {
    const id = fields.outside(`tokenizer.ggml.${key}_token_id`);
    return id === undefined || id < 0 || id >= 2 ** 31 ? undefined : id;
  };
  const bos = idOf("bos");
  const ends = [...new Set(["eos", "eot", "eom"].map(idOf).filter((id) => id !== undefined))];
  return {
    ...(bos === undefined ? {} : { bos_token_id: bos }),
    ...(ends.length === 0 ? {} : { eos_token_id: ends.length === 1 ? ends[0] : ends }),
  };
}
