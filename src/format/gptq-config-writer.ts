/** The settings of a GPTQ checkpoint as others read them: `quantize_config.json`, and `quantization_config` in `config.json`. */
import type { GptqVersion } from "./gptq-packing.ts";

/** One linear and how it is stored; 16 bits is float. */
export interface WrittenModule {
  readonly name: string;
  readonly bits: 2 | 3 | 4 | 8 | 16;
  readonly groupSize: number;
}

export interface BaseSetting {
  readonly bits: number;
  readonly groupSize: number;
}

/** The setting most modules share; what differs from it becomes a rule. */
export function baseSetting(modules: readonly WrittenModule[]): BaseSetting {
  const counts = new Map<string, { setting: BaseSetting; count: number }>();
  for (const { bits, groupSize } of modules) {
    if (bits === 16) continue;
    const key = `${bits}/${groupSize}`;
    const known = counts.get(key) ?? { setting: { bits, groupSize }, count: 0 };
    known.count++;
    counts.set(key, known);
  }
  const most = [...counts.values()].sort((a, b) => b.count - a.count)[0];
  return most?.setting ?? { bits: 4, groupSize: 128 };
}

/**
 * `dynamic` rules, in the order in which they are to be tried: `-:` for float linears first, then `+:` for what differs
 * from the base. Names that differ only in their numbers share a rule, so that thousands of experts stay a few lines.
 */
export function dynamicRules(
  modules: readonly WrittenModule[],
  base: BaseSetting,
): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const floats = modules.filter((module) => module.bits === 16).map((module) => module.name);
  const rules: Record<string, Readonly<Record<string, number>>> = {};
  for (const pattern of patterns(floats)) rules[`-:${pattern}`] = {};
  const classes = new Map<string, { bits: number; groupSize: number; names: string[] }>();
  for (const { name, bits, groupSize } of modules) {
    if (bits === 16 || (bits === base.bits && groupSize === base.groupSize)) continue;
    const key = `${bits}/${groupSize}`;
    const known = classes.get(key) ?? { bits, groupSize, names: [] };
    known.names.push(name);
    classes.set(key, known);
  }
  for (const { bits, groupSize, names } of classes.values())
    for (const pattern of patterns(names)) rules[`+:${pattern}`] = { bits, group_size: groupSize };
  return rules;
}

/** Patterns that match exactly these names: numbers become alternatives. */
function patterns(names: readonly string[]): readonly string[] {
  const shapes = new Map<string, number[][]>();
  for (const name of names) {
    const numbers: number[] = [];
    const shape = name.replace(/(?<=\.)\d+(?=\.)/g, (digits) => {
      numbers.push(Number(digits));
      return "#";
    });
    const known = shapes.get(shape);
    if (known === undefined) shapes.set(shape, [numbers]);
    else known.push(numbers);
  }
  return [...shapes].flatMap(([shape, rows]) => boxes(rows).map((box) => patternOf(shape, box)));
}

/** Splits number tuples into boxes: sets of layers that have the same set of experts. */
function boxes(rows: readonly (readonly number[])[]): readonly (readonly (readonly number[])[])[] {
  if (rows[0].length < 2) return [rows[0].map((_, place) => unique(rows.map((row) => row[place])))];
  const byFirst = new Map<number, number[][]>();
  for (const [first, ...rest] of rows) byFirst.set(first, [...(byFirst.get(first) ?? []), rest]);
  const alike = new Map<string, { firsts: number[]; rest: number[][] }>();
  for (const [first, rest] of byFirst) {
    const key = JSON.stringify(rest);
    const known = alike.get(key);
    if (known === undefined) alike.set(key, { firsts: [first], rest });
    else known.firsts.push(first);
  }
  return [...alike.values()].flatMap(({ firsts, rest }) => boxes(rest).map((box) => [firsts, ...box]));
}

function unique(values: readonly number[]): readonly number[] {
  return [...new Set(values)];
}

function patternOf(shape: string, box: readonly (readonly number[])[]): string {
  let place = 0;
  const escaped = shape.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const body = escaped.replace(/#/g, () => {
    const numbers = box[place++];
    return numbers.length === 1 ? String(numbers[0]) : `(${numbers.join("|")})`;
  });
  return `^${body}$`;
}

export interface GptqSettingsOut {
  readonly base: BaseSetting;
  readonly symmetric: boolean;
  readonly descAct: boolean;
  readonly version: GptqVersion;
  readonly dynamic: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Both spellings of method and format, since readers look for either. */
export function gptqConfigJson(out: GptqSettingsOut): Record<string, unknown> {
  const dynamic = Object.keys(out.dynamic).length > 0 ? { dynamic: out.dynamic } : {};
  return {
    bits: out.base.bits,
    group_size: out.base.groupSize,
    desc_act: out.descAct,
    sym: out.symmetric,
    lm_head: false,
    quant_method: "gptq",
    checkpoint_format: out.version,
    format: out.version,
    pack_dtype: "int32",
    ...dynamic,
    meta: out.meta,
  };
}
