/** Prints what `quern inspect` finds out about a model. */
import type { ExpectedUse } from "../../model/expected-use.ts";
import type { ModelFacts, ModuleFacts } from "../../model/inspect.ts";
import type { StructureFacts } from "../../model/structure-facts.ts";
import { LIMIT_BYTES } from "../../wasm/memory/arena.ts";
import type { ExpectedSpeed } from "./expected-speed.ts";
import { renderTable, type TextColumn } from "./text-table.ts";

export interface ModelReport extends ModelFacts {
  readonly format: string;
  readonly structures: readonly StructureFacts[];
  /** Whether the model brings a tokenizer, and the names of its chat templates; undefined where only the configuration is there. */
  readonly hasTokenizer?: boolean;
  readonly chatTemplates?: readonly string[];
  readonly expected: ExpectedUse & Partial<ExpectedSpeed>;
}

export function describeModel(path: string, report: ModelReport): string {
  const lines = [
    `${path}: ${report.modelType}, ${report.format}`,
    ...shapeLines(report),
    `parameters: ${count(report.parameters)}, ${count(report.activeParameters)} active a token`,
    `average bits: ${report.averageBits.toFixed(4)}; weights on disk: ${bytes(report.trueBytes)}`,
    ...textLines(report),
    ...expectedLines(report),
  ];
  return `${lines.join("\n")}\n\n${structureTable(report)}\n${classTable(report.modules)}`;
}

function shapeLines({ layers, moeLayers, hiddenSize, vocabSize, context, ...rest }: ModelReport): readonly string[] {
  const { experts, topK, sharedExperts, heads, kvHeads, headDim, latentLayers, convLayers } = rest;
  const kinds = moeLayers === layers || moeLayers === 0 ? "" : ` (${moeLayers} with experts)`;
  const shared = sharedExperts > 0 ? ` and ${sharedExperts} shared` : "";
  return [
    `${layers} layers${kinds}, width ${hiddenSize}, vocabulary ${vocabSize}, context ${context}`,
    `attention: ${heads} heads of ${headDim}, ${latentLayers > 0 ? "keys and values from a latent" : `${kvHeads} for keys and values`}`,
    ...(convLayers > 0 ? [`convolutions instead of attention: ${convLayers} of the layers`] : []),
    ...(experts > 0 ? [`experts: ${experts}, ${topK} a token${shared}`] : []),
  ];
}

function textLines({ hasTokenizer, chatTemplates }: ModelReport): readonly string[] {
  if (hasTokenizer === undefined) return [];
  const templates = chatTemplates?.length ? chatTemplates.join(", ") : "none";
  return [`tokenizer: ${hasTokenizer ? "yes" : "none"}; chat template: ${templates}`];
}

function expectedLines({ expected }: ModelReport): readonly string[] {
  const { weightBytes, cacheBytesPerToken, context, memoryBytes, bytesPerToken, tokensPerSecond, kernels, dots } =
    expected;
  const { leastWeightBytes } = expected;
  const parts = `weights ${bytes(weightBytes)}, cache ${bytes(cacheBytesPerToken * context)} for ${context} tokens`;
  const memory = `memory to expect: ${bytes(memoryBytes)} (${parts}) and the runtime's own`;
  const paged = leastWeightBytes < weightBytes ? `, or --memory above ${bytes(leastWeightBytes)} and the cache` : "";
  if (memoryBytes > LIMIT_BYTES)
    return [
      memory,
      `which is more than the ${bytes(LIMIT_BYTES)} that the engine can hold: fewer bits, a shorter --context${paged}`,
    ];
  if (tokensPerSecond === undefined) return [memory];
  const speed = `at most about ${rounded(tokensPerSecond)} tokens/s on one thread (${kernels} kernels, ${dots})`;
  return [memory, `decoding to expect: ${speed} (a token reads ${bytes(bytesPerToken)} of weights)`];
}

/** One row for each structure: attention, experts, embedding and so on. */
function structureTable({ structures }: ModelReport): string {
  const rows = structures.map(({ role, modules, parameters, types, bitsPerWeight, bytes: disk, memoryBytes }) => [
    ...[role, types.join(", "), String(modules), count(parameters), bitsPerWeight.toFixed(2)],
    ...[bytes(disk), bytes(memoryBytes)],
  ]);
  return renderTable(columns(2, "structure", "type", "modules", "parameters", "bits/weight", "disk", "memory"), rows);
}

/** One row for each role, projection and kind of storage, so that thousands of experts are a few rows. */
function classTable(modules: readonly ModuleFacts[]): string {
  const classes = new Map<string, { module: ModuleFacts; count: number; bytes: number }>();
  for (const module of modules) {
    const key = [module.role, module.projection, module.type, module.groupSize, ...module.shape].join("/");
    const known = classes.get(key) ?? { module, count: 0, bytes: 0 };
    classes.set(key, { module, count: known.count + 1, bytes: known.bytes + module.bytes });
  }
  const rows = [...classes.values()].map(({ module, count: number, bytes: disk }) => [
    ...[module.role, module.projection, module.type, String(number), module.shape.join(" x "), String(module.bits)],
    ...[module.groupSize === null ? "-" : String(module.groupSize), bytes(disk)],
  ]);
  return renderTable(columns(3, "role", "projection", "type", "modules", "shape", "bits", "group", "disk"), rows);
}

/** Columns of which the first `texts` are aligned to the left, and numbers to the right. */
function columns(texts: number, ...titles: readonly string[]): readonly TextColumn[] {
  return titles.map((title, column) => ({ title, align: column < texts ? "left" : "right" }));
}

function count(value: number): string {
  return value >= 1e9 ? `${(value / 1e9).toFixed(2)} G` : `${(value / 1e6).toFixed(2)} M`;
}

function bytes(value: number): string {
  return value >= 1e9 ? `${(value / 1e9).toFixed(2)} GB` : `${(value / 1e6).toFixed(2)} MB`;
}

/** Two digits: a rough bound must not look more exact than it is. */
function rounded(value: number): string {
  return String(Number(value.toPrecision(2)));
}
