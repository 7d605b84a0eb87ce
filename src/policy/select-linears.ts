/**
 * Which linears of routed experts a part of a policy raises, as rules. Pure functions of the model's linears,
 * the statistics and the draws; the rules follow Li et al. 2024, arXiv 2406.08155 (QuantMoE-Bench), whose names they bear.
 */
import { UsageError } from "../base/errors.ts";
import { groupBy } from "../base/group-by.ts";
import type { Random } from "../base/random.ts";
import type { LayerRange, PlanModule, PlanRule } from "./bit-plan.ts";
import type { BlockWord, ExpertWord, Percent, PolicyPart, PolicyStatistics } from "./policy-parts.ts";

/** What the parts of a policy choose from. */
export interface Selection {
  /** The policy as written, for messages. */
  readonly text: string;
  readonly modules: readonly PlanModule[];
  /** Layers with routed experts, ascending. */
  readonly blocks: readonly number[];
  readonly statistics: PolicyStatistics | undefined;
  /** Outlier score of a linear by name. */
  readonly outliers: ReadonlyMap<string, number> | undefined;
  /** One generator for the whole policy: parts draw from it in their order. */
  readonly random: Random;
}

/** The rules of one part. */
export function partRules(part: PolicyPart, from: Selection): readonly PlanRule[] {
  const { bits } = part;
  switch (part.kind) {
    case "projection":
      return [{ match: { role: "expert", projection: part.projection }, bits }];
    case "match":
      return [{ match: { name: part.pattern }, bits }];
    case "frequency":
    case "gate-frequency":
    case "random-experts":
      return chooseExperts(part.kind, part.experts, from).map(([layer, experts]) => ({
        match: { role: "expert", layers: [[layer, layer]], experts },
        bits,
      }));
    case "random-linears":
      return linearRules(randomLinears(part.share, from), bits);
    case "outlier":
      return linearRules(outlierLinears(part.share, from), bits);
    default: {
      const layers = rangesOf(chooseBlocks(part.kind, part.blocks, from), from.blocks);
      return layers.length === 0 ? [] : [{ match: { role: "expert", layers }, bits }];
    }
  }
}

/** Whole MoE blocks, ascending. By importance: the block with the lowest mean cosine changes its input most; ties go to the lower layer. */
function chooseBlocks(kind: BlockWord, count: number, from: Selection): readonly number[] {
  const { blocks } = from;
  // A model without experts has none to raise; like a class that the model does not have, the part is ignored.
  if (blocks.length === 0) return [];
  if (count > blocks.length) throw outOfRange(from, kind, count, `up to the model's ${blocks.length} MoE blocks`);
  if (kind === "first") return blocks.slice(0, count);
  if (kind === "last") return blocks.slice(-count);
  const cosines = new Map(needStatistics(from, kind).blocks.map((block) => [block.layer, block]));
  const scored = blocks.map((layer) => {
    const block = cosines.get(layer);
    if (block === undefined) throw foreign(from, `no cosine of block ${layer}`);
    if (kind === "importance") return { layer, score: block.cosine };
    if (kind === "importance-module") return { layer, score: block.cosineModule };
    if (block.predicted === undefined) throw unpredicted(from);
    return { layer, score: block.predicted };
  });
  return smallest(scored, ({ score }) => score, count)
    .map(({ layer }) => layer)
    .sort((a, b) => a - b);
}

/** Of each MoE block its most used experts (by tokens, or by summed routing weight; ties to the lower index), or random ones. */
function chooseExperts(kind: ExpertWord, count: number, from: Selection): readonly (readonly [number, number[]])[] {
  const uses = kind === "random-experts" || from.blocks.length === 0 ? undefined : needStatistics(from, kind).experts;
  return from.blocks.map((layer) => {
    const experts = expertsOf(from.modules, layer);
    if (count > experts.length) throw outOfRange(from, kind, count, `up to the ${experts.length} experts of a block`);
    const chosen =
      uses === undefined
        ? draw(experts, count, from.random)
        : smallest(
            experts.map((expert) => {
              const use = uses.find((entry) => entry.layer === layer && entry.expert === expert);
              if (use === undefined) throw foreign(from, `no use of expert ${expert} in layer ${layer}`);
              return { expert, use };
            }),
            ({ use }) => -(kind === "frequency" ? use.tokens : use.gateSum),
            count,
          ).map(({ expert }) => expert);
    return [layer, [...chosen].sort((a, b) => a - b)];
  });
}

/** The highest scores over the whole model; the count is rounded down, ties go in the order of the linears. */
function outlierLinears(share: Percent, from: Selection): readonly PlanModule[] {
  const linears = expertLinears(from.modules);
  if (linears.length === 0) return [];
  const { outliers } = from;
  if (outliers === undefined) throw needed(from, "outlier");
  const scored = linears.map((module) => {
    const outlier = outliers.get(module.name);
    if (outlier === undefined) throw foreign(from, `no outlier score of ${module.name}`);
    return { module, outlier };
  });
  const count = countOf(share, linears.length);
  return smallest(scored, ({ outlier }) => -outlier, count).map(({ module }) => module);
}

function randomLinears(share: Percent, from: Selection): readonly PlanModule[] {
  const linears = expertLinears(from.modules);
  return draw(linears, countOf(share, linears.length), from.random);
}

/** Draws `count` items without repeats: the first steps of a Fisher-Yates shuffle (Durstenfeld 1964), from the front. */
function draw<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const deck = [...items];
  for (let place = 0; place < count; place++) {
    const other = place + random.integer(deck.length - place);
    [deck[place], deck[other]] = [deck[other], deck[place]];
  }
  return deck.slice(0, count);
}

/** The items with the smallest scores, in ascending order; of equal ones the earlier in the list. */
function smallest<T>(items: readonly T[], score: (item: T) => number, count: number): readonly T[] {
  return [...items].sort((a, b) => score(a) - score(b)).slice(0, count);
}

function countOf({ tenThousandths }: Percent, total: number): number {
  return Math.floor((tenThousandths * total) / 1_000_000);
}

function expertLinears(modules: readonly PlanModule[]): readonly PlanModule[] {
  return modules.filter((module) => module.role === "expert");
}

function expertsOf(modules: readonly PlanModule[], layer: number): readonly number[] {
  return [...new Set(expertLinears(modules).flatMap((module) => (module.layer === layer ? [module.expert] : [])))];
}

/** One rule for all experts of a block of which the same projection is raised. */
function linearRules(modules: readonly PlanModule[], bits: PlanRule["bits"]): readonly PlanRule[] {
  const groups = groupBy(modules, ({ layer, projection }) => `${layer}/${projection}`);
  const ordered = [...groups.values()].sort(([a], [b]) => a.layer - b.layer || (a.projection < b.projection ? -1 : 1));
  return ordered.map((group) => {
    const [{ layer, projection }] = group;
    const experts = group.map(({ expert }) => expert).sort((a, b) => a - b);
    return { match: { role: "expert", layers: [[layer, layer]], projection, experts }, bits };
  });
}

/** Ascending blocks as ranges; dense layers between two MoE blocks hold no experts, so a range may span them. */
function rangesOf(chosen: readonly number[], blocks: readonly number[]): readonly LayerRange[] {
  const ranges: [number, number][] = [];
  for (const layer of chosen) {
    const last = ranges.at(-1);
    if (last !== undefined && blocks.indexOf(layer) === blocks.indexOf(last[1]) + 1) last[1] = layer;
    else ranges.push([layer, layer]);
  }
  return ranges;
}

function needStatistics(from: Selection, kind: string): PolicyStatistics {
  if (from.statistics === undefined) throw needed(from, kind);
  return from.statistics;
}

function needed({ text }: Selection, kind: string): UsageError {
  return new UsageError(
    `policy ${text}`,
    `${kind} without statistics`,
    "calibration tokens, or a statistics file (--stats F.safetensors), which `quern calibrate MODEL --text FILE --output F.safetensors` makes",
  );
}

function unpredicted({ text }: Selection): UsageError {
  return new UsageError(
    `policy ${text}`,
    "statistics without predicted scores",
    "those that `quern calibrate MODEL --text FILE --predictor --output F.safetensors` makes",
  );
}

function foreign({ text }: Selection, found: string): UsageError {
  return new UsageError(`policy ${text}`, `statistics with ${found}`, "statistics of this model");
}

function outOfRange({ text }: Selection, kind: string, count: number, expected: string): UsageError {
  return new UsageError(`policy ${text}`, `${kind}:${count}`, expected);
}
