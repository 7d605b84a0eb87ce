/** Model folders with known answers, and runs of the engine over them. */
import { existsSync, readFileSync } from "node:fs";
import { nodeFolder } from "../../src/adapter/node.ts";
import { Turns } from "../../src/base/turns.ts";
import { Model, type OpenOptions, readModelFiles } from "../../src/model/model.ts";
import { recordBlock, recordEmbedding } from "../../src/model/pass/forward.ts";
import type { Pass } from "../../src/model/pass/record/pass.ts";
import type { SessionOptions } from "../../src/model/pass/session.ts";
import type { AttentionWeights, LayerWeights } from "../../src/model/weights/weight-tree.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import type { MachineOptions } from "../../src/wasm/machine.ts";
import { readFixture } from "../helpers/safetensors.ts";
import { repositoryFile, sharedFile } from "../helpers/shared.ts";

export interface Case {
  readonly name: string;
  /** undefined where the folder is not there. */
  readonly path: string | undefined;
}

const own =
  (folder: string) =>
  (name: string): Case => ({ name, path: repositoryFile(`${folder}/${name}`) });

const shared = (name: string): Case => ({ name, path: sharedFile(`fixtures/families/${name}`) });

/** A case for each family and each feature of one. */
export const FAMILY_CASES: readonly Case[] = [
  ...["mixtral-window-bf16", "deepseek-f16", "qwen2_moe-shards-f16", "qwen3_moe-fused-f32", "olmoe-clip-bf16"].map(
    own("test/fixtures/families"),
  ),
  ...["qwen3-f32", "llama-rope3-bf16"].map(own("test/fixtures/families")),
  ...["lfm2_moe-bf16", "gpt_oss-mxfp4", "deepseek_v2-groups-bf16", "deepseek_v3-bf16"].map(
    own("test/fixtures/families"),
  ),
  ...["ernie4_5_moe-bf16", "glm4_moe-bf16"].map(own("test/fixtures/families")),
  ...["mixtral-f32", "qwen3_moe-yarn-bf16", "granitemoe-long-bf16", "deepseek_v2-lite-bf16"].map(shared),
];

export const FLOAT_CASES: readonly Case[] = [
  ...FAMILY_CASES,
  ...["fable-mixtral", "fable-deepseek"].map(own("models")),
];

export const PACKED_CASES: readonly Case[] = [
  ...["mixtral-b4-g64", "mixtral-b3-g128-sharded", "mixtral-hub-names-b8-row-no-gidx"].map(
    own("test/fixtures/gptq-checkpoints"),
  ),
  ...["qwen2moe-mixed", "qwen3moe-b4-asym-act-v2"].map((name) => ({
    name,
    path: sharedFile(`fixtures/gptq-checkpoints/${name}`),
  })),
];

export interface Expected {
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  readonly greedy: readonly number[];
  /** Undefined for the models that do not state it. */
  readonly meanNll: number | undefined;
  hidden(layer: number): Float32Array;
  experts(layer: number): Int32Array;
  weights(layer: number): Float32Array;
}

export function readExpected(path: string): Expected {
  const tensors = readFixture(`${path}/expected.safetensors`);
  const notes = existsSync(`${path}/expected.json`)
    ? (JSON.parse(readFileSync(`${path}/expected.json`, "utf8")) as { greedy: number[]; mean_nll: number })
    : undefined;
  return {
    ids: tensors.get("input_ids") as Int32Array,
    logits: tensors.get("logits") as Float32Array,
    greedy: notes?.greedy ?? Array.from(tensors.get("greedy") ?? []),
    meanNll: notes?.mean_nll,
    hidden: (layer) => tensors.get(`hidden.${layer}`) as Float32Array,
    experts: (layer) => tensors.get(`router.${layer}.experts`) as Int32Array,
    weights: (layer) => tensors.get(`router.${layer}.weights`) as Float32Array,
  };
}

export async function openModel(path: string, options: OpenOptions & MachineOptions = {}): Promise<Model> {
  const { kernels, threads, ...open } = options;
  const files = await readModelFiles(await nodeFolder(path));
  return Model.open(files, await createMachine({ kernels, threads }), open);
}

/** f32 [tokens, vocabulary], every position, from an empty cache. */
export async function allLogits(
  model: Model,
  ids: ArrayLike<number>,
  options: SessionOptions = {},
): Promise<Float32Array> {
  const vocab = model.config.vocabSize;
  const all = new Float32Array(ids.length * vocab);
  using session = model.session({ context: ids.length, batch: ids.length, logits: "all", ...options });
  await session.evaluate(ids, new Turns(), {
    onLogits: ({ ptr, ld, rows, first }) => {
      const view = model.machine.arena.f32(ptr, rows * ld);
      for (let row = 0; row < rows; row++) all.set(view.subarray(row * ld, row * ld + vocab), (first + row) * vocab);
    },
  });
  return all;
}

/** The residual stream that leaves each block, f32 [tokens, width] by layer: one pass that stops at the taps. */
export async function hiddenStates(model: Model, ids: ArrayLike<number>): Promise<readonly Float32Array[]> {
  const { machine, config, weights, activations } = model;
  const tokens = ids.length;
  using session = model.session({ context: tokens, batch: tokens, logits: "none" });
  // Leaves the ids and their places in the state.
  await session.evaluate(ids, new Turns());
  const { state } = session;
  const emit = { machine, tape: machine.tape(), pool: state.pool, activations, prepared: state.prepared };
  const pass: Pass = { config, weights, state, emit, tokens, span: state.span, outputs: tokens, visible: tokens };
  recordEmbedding(pass);
  return Array.from({ length: config.layers }, (_, layer) => {
    const hidden = new Float32Array(tokens * config.hiddenSize);
    for (const { site, input } of recordBlock(pass, layer)) {
      if (site !== "hidden") continue;
      emit.tape.run();
      emit.tape.clear();
      const view = machine.arena.f32(input.ptr, tokens * input.ld);
      for (let token = 0; token < tokens; token++)
        hidden.set(view.subarray(token * input.ld, token * input.ld + input.cols), token * input.cols);
    }
    return hidden;
  });
}

/** The likeliest id, each time, after `ids`. */
export async function greedy(model: Model, ids: ArrayLike<number>, count: number): Promise<readonly number[]> {
  using session = model.session({ context: ids.length + count, batch: 16 });
  const found: number[] = [];
  let input = Array.from(ids);
  while (found.length < count) {
    await session.evaluate(input, new Turns(), {
      onLogits: ({ ptr }) => {
        input = [argmax(model.machine.arena.f32(ptr, model.config.vocabSize))];
      },
    });
    found.push(input[0]);
  }
  return found;
}

/** The linears of a layer's attention. */
export function attentionOf({ mixer }: LayerWeights): AttentionWeights["linears"] {
  if (mixer.kind !== "attention") throw new Error(`a layer of the kind ${mixer.kind}`);
  return mixer.linears;
}

export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** Mean over ids 1.. of -log p(id | what precedes it), in f64. */
export function meanNll(logits: Float32Array, ids: ArrayLike<number>): number {
  const vocab = logits.length / ids.length;
  let sum = 0;
  for (let token = 1; token < ids.length; token++) {
    const row = logits.subarray((token - 1) * vocab, token * vocab);
    const most = row.reduce((a, b) => Math.max(a, b));
    sum += Math.log(row.reduce((total, logit) => total + Math.exp(logit - most), 0)) + most - row[ids[token]];
  }
  return sum / (ids.length - 1);
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  let largest = 0;
  // A NaN must not pass.
  for (let i = 0; i < a.length; i++) if (!(Math.abs(a[i] - b[i]) <= largest)) largest = Math.abs(a[i] - b[i]);
  return largest;
}

export function rms(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

/** Index of the first float whose bits differ, -1 for none: sees signs of zeros, and is quick on long arrays. */
export function firstDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) throw new Error(`lengths ${a.length} and ${b.length}`);
  const [left, right] = [a, b].map((values) => new Uint32Array(values.buffer, values.byteOffset, values.length));
  return left.findIndex((word, index) => word !== right[index]);
}
