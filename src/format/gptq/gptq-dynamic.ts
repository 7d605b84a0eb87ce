/** Writes the settings of a GPTQ checkpoint, with `dynamic` rules that give each module exactly its bits and groups. */

import { UsageError } from "../../base/errors.ts";
import { groupBy } from "../../base/group-by.ts";
import type { JsonObject, JsonValue } from "../../base/json.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { GptqSetting } from "./gptq-config.ts";
import type { GptqVersion } from "./gptq-packing.ts";

/** Settings of one linear of the model; 16 bits means that it stays float. */
export interface WrittenModule {
  readonly name: string;
  readonly bits: Bits | 16;
  readonly groupSize: number;
  /** Default: the base's. */
  readonly symmetric?: boolean;
}

export interface GptqConfigToWrite extends GptqSetting {
  readonly descAct: boolean;
  readonly version: GptqVersion;
  readonly modules: readonly WrittenModule[];
  /** Quern's version. */
  readonly engineVersion: string;
  /** Other facts, such as damp_percent and true_sequential. */
  readonly meta: Readonly<Record<string, JsonValue>>;
}

/** Makes the object for `quantize_config.json` and for `quantization_config` in `config.json`, with both spellings of each key. */
export function writeGptqConfig(config: GptqConfigToWrite): JsonObject {
  const head = config.modules.find(({ name }) => isHead(name));
  return {
    bits: config.bits,
    dynamic: dynamicRules(config.modules, config),
    group_size: config.groupSize,
    desc_act: config.descAct,
    sym: config.symmetric,
    lm_head: head !== undefined && head.bits !== 16,
    method: "gptq",
    quant_method: "gptq",
    format: config.version,
    checkpoint_format: config.version,
    pack_dtype: "int32",
    meta: { quantizer: [`quern:${config.engineVersion}`], ...config.meta },
  };
}

/**
 * Makes rules for every module that differs from `base`, with `-:` for those that stay float. Modules with the same settings share a
 * rule, whose pattern has alternatives for layers, experts and projections, so that rules for thousands of modules stay readable. vLLM
 * looks up its fused modules (`qkv_proj`, `gate_up_proj`, the whole `experts`), so a rule that covers all their parts names them too.
 */
export function dynamicRules(modules: readonly WrittenModule[], base: GptqSetting): JsonObject {
  checkDistinct(modules);
  const tails = new Map<string, { rule: Rule; stem: string; tail: string; layers: string[] }>();
  for (const { stem, layer, members } of layersOf(modules).values())
    for (const { rule, tail } of layerRules(members, base)) {
      const key = JSON.stringify([rule, stem, tail]);
      const found = tails.get(key) ?? { rule, stem, tail, layers: [] };
      tails.set(key, found);
      if (layer !== undefined) found.layers.push(layer);
    }
  const entries = [...tails.values()].map(({ rule, stem, tail, layers }) => {
    const place = layers.length > 0 ? `${escaped(stem)}${oneOf(layers)}\\.` : "";
    // The key of the head's rule is its plain name, which all readers understand.
    const key = rule === FLOAT ? `-:^${place}${tail}$` : isHead(tail) ? tail : `+:^${place}${tail}$`;
    return [key, rule === FLOAT ? {} : (JSON.parse(rule) as JsonObject)] as const;
  });
  return Object.fromEntries([
    ...entries.filter(([key]) => key.startsWith("-:")),
    ...entries.filter(([key]) => !key.startsWith("-:")),
  ]);
}

/** `float`, or the overrides as JSON, so that equal rules are equal strings. */
type Rule = string;
const FLOAT = "float";

/** A module within its layer, such as `mlp.experts` 3 `down_proj`, or `self_attn` `q_proj` without an expert. */
interface Member {
  readonly parent: string;
  readonly expert: string | undefined;
  readonly leaf: string;
  readonly setting: WrittenModule;
}

interface Layer {
  /** The part of the name before the layer's number. */
  readonly stem: string;
  readonly layer: string | undefined;
  readonly members: Member[];
}

/** Readers that limit the size of patterns would refuse one with more alternatives. */
const MAX_ALTERNATIVES = 256;

function layersOf(modules: readonly WrittenModule[]): ReadonlyMap<string, Layer> {
  const layers = new Map<string, Layer>();
  for (const setting of modules) {
    const [, stem, layer, rest] = /^(.*?\blayers\.)(\d+)\.(.*)$/.exec(setting.name) ?? [
      undefined,
      "",
      undefined,
      setting.name,
    ];
    const [, bank, expert, projection] = /^((?:.*\.)?experts)\.(\d+)\.([^.]+)$/.exec(rest) ?? [];
    const dot = rest.lastIndexOf(".");
    const member =
      bank === undefined
        ? { parent: rest.slice(0, Math.max(dot, 0)), expert, leaf: rest.slice(dot + 1), setting }
        : { parent: bank, expert, leaf: projection, setting };
    const key = `${stem}${layer ?? ""}`;
    const found = layers.get(key) ?? { stem, layer, members: [] };
    layers.set(key, found);
    found.members.push(member);
  }
  return layers;
}

/** The rules of one layer, as patterns for the part of the name after the layer's number. */
function layerRules(members: readonly Member[], base: GptqSetting): readonly { rule: Rule; tail: string }[] {
  const parents = groupBy(members, ({ parent, expert }) => `${parent}${expert === undefined ? "" : " of experts"}`);
  return [...parents.values()].flatMap((siblings) => {
    const rules = groupBy(siblings, ({ setting }) => ruleOf(setting, base));
    rules.delete(NONE);
    return [...rules].flatMap(([rule, found]) => {
      const isBank = found[0].expert !== undefined;
      const tails = isBank ? expertTails(found, found.length === siblings.length) : [siblingTail(found)];
      return tails.map((tail) => ({ rule, tail }));
    });
  });
}

function siblingTail(members: readonly Member[]): string {
  const leaves = members.map(({ leaf }) => leaf);
  const fused: string[] = [];
  if (["q_proj", "k_proj", "v_proj"].every((leaf) => leaves.includes(leaf))) fused.push("qkv_proj");
  if (["gate_proj", "up_proj"].every((leaf) => leaves.includes(leaf))) fused.push("gate_up_proj");
  const parent = members[0].parent;
  return `${parent === "" ? "" : `${escaped(parent)}\\.`}${oneOf([...leaves, ...fused])}`;
}

/** Patterns for experts. Those with the same projections share one; if all experts have one setting, no list of experts is needed. */
function expertTails(members: readonly Member[], isWholeBank: boolean): readonly string[] {
  const parent = escaped(members[0].parent);
  const byExpert = groupBy(members, ({ expert }) => expert!);
  const byLeaves = groupBy([...byExpert.values()], (of) => oneOf(of.map(({ leaf }) => leaf)));
  if (isWholeBank && byLeaves.size === 1) return [`${parent}(\\.\\d+\\.${[...byLeaves.keys()][0]})?`];
  return [...byLeaves].flatMap(([leaves, experts]) => {
    const ids = experts.map(([member]) => member.expert!);
    const tails: string[] = [];
    for (let first = 0; first < ids.length; first += MAX_ALTERNATIVES)
      tails.push(`${parent}\\.${oneOf(ids.slice(first, first + MAX_ALTERNATIVES))}\\.${leaves}`);
    return tails;
  });
}

/** Modules with the base's settings need no rule. */
const NONE = "";

function ruleOf({ name, bits, groupSize, symmetric }: WrittenModule, base: GptqSetting): Rule {
  // Readers do not quantise a head unless it is named.
  if (isHead(name) && bits === 16) return NONE;
  if (bits === 16) return FLOAT;
  const isBase = bits === base.bits && groupSize === base.groupSize && (symmetric ?? base.symmetric) === base.symmetric;
  if (isBase && !isHead(name)) return NONE;
  const sym = symmetric === undefined || symmetric === base.symmetric ? {} : { sym: symmetric };
  return JSON.stringify({ bits, group_size: groupSize, ...sym });
}

function isHead(name: string): boolean {
  return name === "lm_head";
}

function checkDistinct(modules: readonly WrittenModule[]): void {
  const names = new Set<string>();
  for (const { name } of modules) {
    if (names.has(name)) throw new UsageError("modules", `${name} twice`, "each module once");
    names.add(name);
  }
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? escaped(names[0]) : `(${names.map(escaped).join("|")})`;
}

function escaped(name: string): string {
  return name.replace(/\W/g, "\\$&");
}
