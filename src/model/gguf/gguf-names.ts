/** Gives the tensors of a GGUF file the names that the modules of a family have, and the rows and experts that those modules consist of. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import type { GgufParts } from "../../format/gguf/gguf-files.ts";
import type { GgufEntry, GgufIndex } from "../../format/gguf/gguf-header.ts";
import { joinedHeads } from "../../format/gguf/joined-heads.ts";
import { unpairedRows } from "../../format/gguf/paired-rows.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { type ModuleNames, nameFor } from "../config/module-names.ts";

/** What decides the names: the family's table, the sizes, and whether rows of queries and keys are in pairs. */
export interface NamingContext {
  readonly names: ModuleNames;
  readonly config: ModelConfig;
  readonly pairedRows: boolean;
  /** Layers of the file, of which the last may not be run. */
  readonly blocks: number;
}

/** Tensors that were read with the configuration, or that every program computes for itself. */
const PASSED_OVER = /^(?:rope_freqs\.weight|blk\.\d+\.attn_rot_embd\.weight)$/;
const NAME = /^(?:blk\.(\d+)\.)?([a-z_]+?(?:\.[a-z_]+)?)(?:\.(\d+))?\.(weight|bias)$/;

/** A module with its tensor in the file. */
type Named = readonly [module: string, entry: GgufEntry];

/** @throws UnsupportedError for a tensor that no module of the family has: it might change what the model computes. */
export function ggufIndex({ name, tensors, close }: GgufParts, context: NamingContext): GgufIndex {
  const entries = new Map<string, GgufEntry>();
  for (const entry of withJoinedHeads(tensors, context.config)) {
    if (PASSED_OVER.test(entry.name)) continue;
    const where = `${entry.source.name}: tensor ${entry.name}`;
    const [, layer, kind, expert, part] = NAME.exec(entry.name) ?? [];
    const modules = kind === undefined ? undefined : modulesOf(entry, { kind, layer, expert, part }, context);
    if (modules === undefined) throw new UnsupportedError(where, "a tensor that Quern does not know", []);
    const isBare = layer !== undefined && bareVectors(context, Number(layer))[`${kind}.${part}`] !== undefined;
    for (const [module, own] of modules) {
      const known = isBare ? module : `${module}.${part}`;
      if (entries.has(known)) throw new FormatError(where, `found ${known} a second time, expected it once`);
      entries.set(known, { ...own, name: known });
    }
  }
  return { name, entries, close };
}

/** The tensors of the file. Where latent attention has a tensor each for keys and values, they become one, as older files have it. */
function withJoinedHeads(tensors: ReadonlyMap<string, GgufEntry>, { latent }: ModelConfig): readonly GgufEntry[] {
  return [...tensors.values()].flatMap((entry) => {
    const [, layer, kind] = /^(blk\.\d+)\.attn_([kv])_b\.weight$/.exec(entry.name) ?? [];
    const keys = tensors.get(`${layer}.attn_k_b.weight`);
    const values = tensors.get(`${layer}.attn_v_b.weight`);
    if (latent === null || keys === undefined || values === undefined) return [entry];
    return kind === "k" ? [{ ...joinedHeads(keys, values), name: `${layer}.attn_kv_b.weight` }] : [];
  });
}

/** The parts of a tensor's name. */
interface Place {
  readonly kind: string;
  readonly layer: string | undefined;
  readonly expert: string | undefined;
  readonly part: string;
}

function modulesOf(entry: GgufEntry, place: Place, context: NamingContext): readonly Named[] | undefined {
  const { names, config } = context;
  const { kind, layer, expert, part } = place;
  if (layer === undefined) {
    const outer = outerNames(names, config)[kind];
    return outer === undefined || expert !== undefined ? undefined : [[outer, entry]];
  }
  if (Number(layer) >= config.layers && Number(layer) < context.blocks) return [];
  if (Number(layer) >= config.layers)
    throw new FormatError(
      `${entry.source.name}: tensor ${entry.name}`,
      `found layer ${layer}, expected fewer than ${config.layers} as block_count says`,
    );
  const hasExperts = config.moeLayers[Number(layer)];
  if (expert !== undefined) return hasExperts ? oneExpert(entry, place, names) : undefined;
  const projection = /^ffn_(gate|up|down|gate_up)_exps$/.exec(kind)?.[1];
  if (projection !== undefined && hasExperts) return allExperts(entry, projection as Bank, Number(layer), context);
  const bare = bareVectors(context, Number(layer))[`${kind}.${part}`];
  if (bare !== undefined) return [[nameFor(bare, Number(layer)), entry]];
  const template = templates(context, Number(layer))[kind];
  if (template === undefined || (part === "bias" && kind.endsWith("_norm"))) return undefined;
  return [[nameFor(template, Number(layer)), ordered(entry, kind, context)]];
}

/** Names of the modules outside layers. Architectures with convolutions have another name for the final norm. */
function outerNames(
  { embedding, head, finalNorm }: ModuleNames,
  { conv }: ModelConfig,
): Readonly<Record<string, string>> {
  return {
    token_embd: embedding,
    output: head,
    output_norm: finalNorm,
    ...(conv === null ? {} : { token_embd_norm: finalNorm }),
  };
}

/** Names of vectors that have no `.weight` or `.bias` of their own elsewhere, by the names of their tensors. */
function bareVectors({ names, config }: NamingContext, layer: number): Readonly<Record<string, string | undefined>> {
  const hasChoice = config.moeLayers[layer] && config.router.choice?.biased === true;
  return {
    ...(config.sinks ? { "attn_sinks.weight": names.sinks } : {}),
    ...(hasChoice ? { "exp_probs_b.bias": names.routerBias } : {}),
  };
}

/** Names of the modules that a layer has, by the names of their tensors. */
function templates({ names, config }: NamingContext, layer: number): Readonly<Record<string, string | undefined>> {
  const { attention, dense, shared } = names;
  const hasShared = config.moeLayers[layer] && config.sharedWidth > 0;
  return {
    attn_norm: names.attentionNorm,
    ffn_norm: names.mlpNorm,
    ...(config.modelType === "glm4_moe" || config.modelType === "gpt_oss"
      ? { post_attention_norm: names.mlpNorm }
      : {}),
    ...convNames(names, config, layer),
    ...latentNames(names, config),
    ...{ attn_q: attention.q, attn_k: attention.k, attn_v: attention.v, attn_output: attention.o },
    ...(config.qkNorm === "none" ? {} : { attn_q_norm: names.queryNorm, attn_k_norm: names.keyNorm }),
    ...(config.moeLayers[layer]
      ? { ffn_gate_inp: names.router }
      : { ffn_gate: dense.gate, ffn_up: dense.up, ffn_down: dense.down }),
    ...(hasShared ? { ffn_gate_shexp: shared?.gate, ffn_up_shexp: shared?.up, ffn_down_shexp: shared?.down } : {}),
    ...(hasShared && config.sharedGate ? { ffn_gate_inp_shexp: names.sharedGate } : {}),
  };
}

function latentNames({ latent: names }: ModuleNames, { latent }: ModelConfig): Readonly<Record<string, string>> {
  if (names === undefined || latent === null) return {};
  const { qDown, queryNorm, qUp, kvDown, latentNorm, kvUp } = names;
  return {
    ...(latent.queryRank === null ? {} : { attn_q_a: qDown, attn_q_a_norm: queryNorm, attn_q_b: qUp }),
    ...{ attn_kv_a_mqa: kvDown, attn_kv_a_norm: latentNorm, attn_kv_b: kvUp },
  };
}

function convNames({ conv }: ModuleNames, { mixers }: ModelConfig, layer: number): Readonly<Record<string, string>> {
  if (conv === undefined || mixers[layer] !== "conv") return {};
  return { "shortconv.in_proj": conv.convIn, "shortconv.out_proj": conv.convOut, "shortconv.conv": conv.filter };
}

/** The tensor as its module has it: queries and keys in the order of halves, a gate of one row as a matrix. */
function ordered(entry: GgufEntry, kind: string, { config, pairedRows }: NamingContext): GgufEntry {
  if (pairedRows && kind === "attn_q") return unpairedRows(entry, config.heads);
  if (pairedRows && kind === "attn_k") return unpairedRows(entry, config.kvHeads);
  if (kind === "shortconv.conv" && entry.shape.length === 2)
    return { ...entry, shape: [entry.shape[0], 1, entry.shape[1]] };
  if (kind === "ffn_gate_inp_shexp" && entry.shape.length === 1) return { ...entry, shape: [1, entry.shape[0]] };
  return entry;
}

/** Older files have a tensor for each expert. */
function oneExpert(entry: GgufEntry, { kind, layer, expert }: Place, names: ModuleNames): readonly Named[] | undefined {
  const projection = /^ffn_(gate|up|down)$/.exec(kind)?.[1] as "gate" | "up" | "down" | undefined;
  if (projection === undefined) return undefined;
  return [[nameFor(names.expert[projection], Number(layer), Number(expert)), entry]];
}

type Bank = "gate" | "up" | "down" | "gate_up";

/** The linears of all experts in one tensor [experts, rows, columns]; `gate_up` has the rows of both, those of the gate first. */
function allExperts(entry: GgufEntry, bank: Bank, layer: number, { names, config }: NamingContext): readonly Named[] {
  const [experts, rows, ...rest] = entry.shape;
  const parts: readonly ("gate" | "up" | "down")[] = bank === "gate_up" ? ["gate", "up"] : [bank];
  if (experts !== config.experts || rows === undefined || rows % parts.length !== 0)
    throw new FormatError(
      `${entry.source.name}: tensor ${entry.name}`,
      `found shape [${entry.shape.join(", ")}], expected ${config.experts} experts${parts.length > 1 ? " with an even number of rows" : ""}`,
    );
  const shape = [rows / parts.length, ...rest];
  const byteLength = entry.byteLength / experts / parts.length;
  return Array.from({ length: experts }, (_, expert) =>
    parts.map((projection, part): Named => {
      const offset = entry.offset + (expert * parts.length + part) * byteLength;
      return [nameFor(names.expert[projection], layer, expert), { ...entry, shape, offset, byteLength }];
    }),
  ).flat();
}
