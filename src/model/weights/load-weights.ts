/** Checkpoint -> weights in the engine's memory: bytes are added up, memory grows once, each range is read and laid in panels. */
import { NumericsError, UsageError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import { bf16Value, f16Value } from "../../format/float16.ts";
import type { GptqConfig } from "../../format/gptq/gptq-config.ts";
import { readGptq } from "../../format/gptq/gptq-tensors.ts";
import { requireTensor, type TensorEntry, type TensorIndex } from "../../format/safetensors.ts";
import type { Bits, LinearShape, Projection, Role } from "../../tensor/linear-shape.ts";
import type { FloatMatrix, Matrix, PackedMatrix } from "../../tensor/matrix.ts";
import { panelBytes, panelCount } from "../../tensor/panel.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { ModelConfig } from "../config/model-config.ts";
import { sortByGroup } from "./act-order.ts";
import { layerPrefix } from "./linears.ts";
import { floatDType, placedBytes, requireShape, type StoredLinear, type StoredMatrix } from "./locate.ts";
import type { LayerWeights, Linear, Mlp, Weights } from "./weight-tree.ts";

export interface LoadContext {
  readonly machine: Machine;
  readonly index: TensorIndex;
  readonly gptq: GptqConfig | undefined;
  readonly turns: Turns;
  /** Told the bytes of weights laid down so far. */
  readonly onBytes: (done: number, total: number) => void;
  /** What was odd and how it was read, a sentence each. */
  readonly warn: (sentence: string) => void;
}

export async function loadWeights(
  context: LoadContext,
  config: ModelConfig,
  located: readonly StoredLinear[],
): Promise<Weights> {
  const { arena } = context.machine;
  const total = located.reduce((sum, linear) => sum + placedBytes(linear), 0);
  const norms = (2 * config.layers + 1) * (config.hiddenSize * 4 + 64);
  const staging = located.reduce((most, linear) => Math.max(most, stagingBytes(linear)), 0);
  arena.reserve(total + 64 * located.length + norms + staging);
  using taken = arena.region();
  const linears = new Map<string, Linear>();
  let done = 0;
  for (const { stored, ...shape } of located) {
    linears.set(linearKey(shape), { ...shape, matrix: await loadMatrix(context, taken, { ...shape, stored }) });
    done += placedBytes({ ...shape, stored });
    context.onBytes(done, total);
    await context.turns.pause();
  }
  const tree = await assemble(context, taken, config, linears);
  return { ...tree, memory: taken.move() };
}

/** One linear into memory that `to` owns. */
async function loadMatrix(context: LoadContext, to: Region, linear: StoredLinear): Promise<Matrix> {
  const { stored } = linear;
  return stored.kind === "float" ? loadFloat(context, to, linear, stored) : loadPacked(context, to, linear, stored);
}

/** Bytes that a linear needs beside its place while it is rewritten. */
function stagingBytes({ rows, cols, stored }: StoredLinear): number {
  const count = rows * cols;
  return stored.kind === "float" ? count * (stored.dtype === "f32" ? 4 : 2) + 64 : 2 * count + 256;
}

async function loadFloat(
  context: LoadContext,
  to: Region,
  linear: StoredLinear,
  stored: StoredMatrix & { kind: "float" },
): Promise<FloatMatrix> {
  const { machine, index } = context;
  const { rows, cols } = linear;
  const { entry, rowOffset, dtype } = stored;
  const bytes = dtype === "f32" ? 4 : 2;
  using staging = machine.arena.region();
  const ptr = to.alloc(placedBytes(linear));
  const raw = staging.alloc(rows * cols * bytes);
  const offset = entry.offset + rowOffset * cols * bytes;
  await entry.source.read(offset, machine.arena.u8(raw, rows * cols * bytes));
  await requireFinite(context, raw, rows * cols, dtype, `${index.name}: tensor ${entry.name}`);
  const tape = machine.tape();
  const kernel = bytes === 4 ? "panel_32" : "panel_16";
  tape.call(kernel, panelCount(rows), 16 * cols, ptr, raw, rows, cols);
  await tape.runInTurns(context.turns);
  return { kind: "float", dtype, ptr, rows, cols };
}

/** Elements checked between two looks at the clock: a few milliseconds. */
const CHECKED_AT_ONCE = 1 << 21;

/** Infinite or missing numbers would spread to every logit; f16 kernels even read them as finite. */
async function requireFinite(
  { machine, turns }: LoadContext,
  ptr: number,
  count: number,
  dtype: FloatMatrix["dtype"],
  where: string,
): Promise<void> {
  const exponent = dtype === "f32" ? 0x7f800000 : dtype === "f16" ? 0x7c00 : 0x7f80;
  for (let start = 0; start < count; start += CHECKED_AT_ONCE) {
    const words = dtype === "f32" ? machine.arena.u32(ptr, count) : machine.arena.u16(ptr, count);
    const end = Math.min(count, start + CHECKED_AT_ONCE);
    for (let i = start; i < end; i++) if ((words[i] & exponent) === exponent) throw notFinite(where, i);
    await turns.pause();
  }
}

function notFinite(where: string, element: number): NumericsError {
  return new NumericsError(where, `found a value that is not finite at element ${element}, expected numbers`);
}

async function loadPacked(
  context: LoadContext,
  to: Region,
  linear: StoredLinear,
  stored: StoredMatrix & { kind: "packed" },
): Promise<PackedMatrix> {
  const { machine, index, gptq } = context;
  const { name, rows, cols } = linear;
  const { bits, groupSize } = stored;
  const read = await readGptq(index, name, rows, cols, gptq);
  for (const warning of read.warnings) context.warn(warning);
  const ordered = sortByGroup(read, groupSize, `${index.name}: ${name}.g_idx`);
  const packed = packMatrix(machine, to, { ...read, codes: ordered.codes }, groupSize);
  if (ordered.perm === undefined) return packed;
  return { ...packed, bits, permPtr: to.place(ordered.perm) };
}

/** Codes, scales and zeros as a reader or GPTQ gives them. */
export interface PlainCodes {
  readonly N: number;
  readonly K: number;
  readonly bits: Bits;
  /** u8 [N,K]; column j belongs to group j / groupSize. */
  readonly codes: Uint8Array;
  /** f16 bits [N,G]. */
  readonly scales: Uint16Array;
  readonly zeros: Uint8Array;
}

/** Lays codes in packed panels, in memory that `to` owns. */
export function packMatrix(machine: Machine, to: Region, plain: PlainCodes, groupSize: number): PackedMatrix {
  const { N, K, bits } = plain;
  using staging = machine.arena.region();
  const ptr = to.alloc(panelBytes(`w${bits}`, N, K, groupSize));
  const [codes, scales, zeros] = [plain.codes, plain.scales, plain.zeros].map((part) => staging.place(part));
  machine.call(`pack_w${bits}`, panelCount(N), ptr, codes, scales, zeros, N, K, groupSize);
  return { kind: "packed", bits, groupSize, ptr, rows: N, cols: K, permPtr: 0 };
}

/** A vector (a norm's weight) as f32. */
async function loadVector({ index }: LoadContext, to: Region, name: string, length: number): Promise<number> {
  const entry = requireTensor(index, name);
  requireShape(index, entry, [length]);
  const values = await readFloats(index, entry, 0, length);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw notFinite(`${index.name}: tensor ${name}`, bad);
  return to.place(values);
}

/** `count` elements of a float tensor from element `start`, as f32 (exact). */
export async function readFloats(
  index: TensorIndex,
  entry: TensorEntry,
  start: number,
  count: number,
): Promise<Float32Array> {
  const dtype = floatDType(index, entry);
  const bytes = dtype === "f32" ? 4 : 2;
  const raw = new Uint8Array(count * bytes);
  await entry.source.read(entry.offset + start * bytes, raw);
  if (dtype === "f32") return new Float32Array(raw.buffer);
  const decode = dtype === "f16" ? f16Value : bf16Value;
  const words = new Uint16Array(raw.buffer);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) values[i] = decode(words[i]);
  return values;
}

/** The weights [N,K] of a linear, as f32 (exact). @throws UsageError for quantised ones. */
export async function readLinear(index: TensorIndex, linear: StoredLinear): Promise<Float32Array> {
  const { name, rows, cols, stored } = linear;
  if (stored.kind === "packed")
    throw new UsageError(`${index.name}: ${name}`, "weights that are quantised already", "a float model");
  return readFloats(index, stored.entry, stored.rowOffset * cols, rows * cols);
}

async function assemble(
  context: LoadContext,
  to: Region,
  config: ModelConfig,
  linears: ReadonlyMap<string, Linear>,
): Promise<Omit<Weights, "memory">> {
  const take = (layer: number, role: Role, expert: number, projection: Projection) =>
    linears.get(linearKey({ layer, role, expert, projection })) as Linear;
  const mlp = (layer: number, role: Role, expert: number): Mlp => ({
    gate: take(layer, role, expert, "gate"),
    up: take(layer, role, expert, "up"),
    down: take(layer, role, expert, "down"),
  });
  const layers: LayerWeights[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const moe = config.moeLayers[layer];
    const norm = (name: string) => loadVector(context, to, `${layerPrefix(layer)}${name}.weight`, config.hiddenSize);
    layers.push({
      normAttention: await norm("input_layernorm"),
      normMlp: await norm("post_attention_layernorm"),
      q: take(layer, "attention", -1, "q"),
      k: take(layer, "attention", -1, "k"),
      v: take(layer, "attention", -1, "v"),
      o: take(layer, "attention", -1, "o"),
      router: moe ? take(layer, "router", -1, "router") : undefined,
      experts: moe ? Array.from({ length: config.experts }, (_, expert) => mlp(layer, "expert", expert)) : [],
      shared: moe && config.sharedWidth > 0 ? mlp(layer, "shared", -1) : undefined,
      dense: moe ? undefined : mlp(layer, "dense", -1),
    });
  }
  const embedding = take(-1, "embedding", -1, "embedding");
  return {
    embedding: embedding.matrix as FloatMatrix,
    layers,
    normFinal: await loadVector(context, to, "model.norm.weight", config.hiddenSize),
    head: config.tiedEmbeddings ? embedding : take(-1, "head", -1, "head"),
  };
}

function linearKey(linear: Pick<LinearShape, "layer" | "role" | "expert" | "projection">): string {
  return `${linear.layer}/${linear.role}/${linear.expert}/${linear.projection}`;
}
