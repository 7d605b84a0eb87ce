/** Defines what an architecture of GGUF files is, and small parts that several of them read. */

import type { JsonObject } from "../../base/json.ts";
import type { GgufEntry } from "../../format/gguf/gguf-header.ts";
import type { GgufFields } from "./gguf-fields.ts";

/** What is known before an architecture's own fields are read. */
export interface ArchitectureContext {
  readonly headDim: number;
  readonly tensors: ReadonlyMap<string, GgufEntry>;
}

export interface Architecture {
  /** Whether the file keeps the two rows of queries and keys that RoPE rotates together side by side. */
  readonly pairedRows: boolean;
  /** Whether YaRN rounds the ends of the blended columns to whole columns. Default: true. */
  readonly wholeRopeColumns?: boolean;
  /** Whether `read` also gives the widths of heads and the number of key and value heads. Default: false. */
  readonly ownHeads?: boolean;
  /** `model_type`, and the fields that only this family has. They replace fields of all families. */
  read(fields: GgufFields, context: ArchitectureContext): JsonObject;
}

/** Experts that compute a token, of how many. @throws FormatError for a file without them. */
export function chosen(fields: GgufFields): { experts: number; topK: number } {
  return { experts: fields.required("expert_count"), topK: fields.required("expert_used_count") };
}

/** Width of an expert: its own key, or that of the MLP, which older files have for all experts of a token together. */
export function expertWidth(fields: GgufFields, topK: number): number {
  return fields.number("expert_feed_forward_length") ?? (fields.uniform("feed_forward_length") ?? 0) / topK;
}
