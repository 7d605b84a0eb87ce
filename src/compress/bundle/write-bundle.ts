/** Writes a model as a bundle: one file whose weights lie as they lie in the engine's memory (docs/formats.md). */

import { jsonText } from "../../base/json-text.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import { committed, type OutputFile } from "../../files/output.ts";
import { readAll } from "../../files/source.ts";
import { BUNDLE_VERSION, INDEX_NAME, type LyingVector, VECTORS_NAME } from "../../format/bundle/bundle-index.ts";
import { crc32 } from "../../format/bundle/crc32.ts";
import { lineEnd } from "../../format/bundle/zip-layout.ts";
import { ZipWriter } from "../../format/bundle/zip-writer.ts";
import { locateVector } from "../../format/codecs/float-rows.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import { modelVectors } from "../../model/weights/vectors.ts";
import { meanBits, PLAN_BITS } from "../../policy/bit-plan.ts";
import { isQuantizable } from "../../tensor/linear-shape.ts";
import { PANEL_VERSION } from "../../tensor/panel.ts";
import type { Machine } from "../../wasm/machine.ts";
import { COMPANIONS, MAX_COMPANION_BYTES } from "../write/write-quantized.ts";
import { writeLinears } from "./write-linears.ts";

/** Options of `bundleModel`: the file to write, an engine that lays the weights, and callbacks. */
export interface BundleOptions {
  /** The file to write. It is committed, or aborted on any failure. */
  readonly output: OutputFile;
  /** Its memory holds one expert or linear at a time. It stays the caller's. */
  readonly machine: Machine;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onWarning?: (sentence: string) => void;
}

const OPTIONS: KnownOptions<BundleOptions> = {
  ...{ output: true, machine: true, signal: true, onProgress: true, onWarning: true },
};

/** Files of a model's folder that come with its weights, besides those that every written folder has. */
const SETTINGS: readonly string[] = ["config.json", "quantize_config.json", "chat_template.json"];

/**
 * Writes a model whose headers are read: of floats, GPTQ tensors or blocks of GGUF. The files stay open.
 * @returns the bytes of the bundle. @throws the errors of reading and writing, and the signal's reason; nothing remains then.
 */
export async function bundleModel(files: ModelFiles, options: BundleOptions): Promise<{ readonly bytes: number }> {
  checkKnownOptions<BundleOptions>("bundleModel", options, OPTIONS);
  const { output, machine, signal, onProgress, onWarning = () => {} } = options;
  return committed(output, async () => {
    const zip = new ZipWriter(output);
    await writeTexts(zip, files);
    const vectors = await writeVectors(zip, files);
    const total = files.linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
    const linears = await writeLinears(zip, files, {
      machine,
      turns: new Turns(signal),
      warn: (sentence) => onWarning(`${files.name}: ${sentence}`),
      onBytes: (done) => onProgress?.({ phase: "convert", done, total, unit: "bytes" }),
    });
    const header = { writer: `quern ${VERSION}`, format: BUNDLE_VERSION, panels: PANEL_VERSION };
    await addText(zip, INDEX_NAME, JSON.stringify({ ...header, linears, vectors }));
    return { bytes: await zip.end() };
  });
}

async function addText(zip: ZipWriter, name: string, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await zip.add(name, { bytes: bytes.length, crc: crc32(bytes) }, [bytes]);
}

async function writeTexts(zip: ZipWriter, files: ModelFiles): Promise<void> {
  const templates = (await files.folder.list()).filter((name) => name.endsWith(".jinja"));
  for (const name of new Set([...SETTINGS, ...COMPANIONS, ...templates])) {
    const source = await files.folder.open(name);
    if (source === undefined) continue;
    try {
      await addText(zip, name, await readAll(source, MAX_COMPANION_BYTES));
    } finally {
      await source.close?.();
    }
  }
  const plan = planOf(files);
  if (plan !== undefined) await addText(zip, "plan.json", plan);
}

/** The bits of every linear as a plan; undefined for blocks of other widths than plans have. */
function planOf({ linears }: ModelFiles): string | undefined {
  const modules = linears.filter(isQuantizable);
  const bits = modules.map(({ stored }) => (stored.kind === "float" ? 16 : stored.bits));
  if (bits.some((width) => !(PLAN_BITS as readonly number[]).includes(width))) return undefined;
  const resolved = Object.fromEntries(modules.map(({ name }, at) => [name, bits[at]]));
  const averageBits = meanBits(modules.map(({ rows, cols }, at) => ({ rows, cols, bits: bits[at] })));
  return jsonText({ base: 16, rules: [], resolved, averageBits, policy: "" });
}

/** All vectors in one entry, as f32 in the order of their tensors. */
async function writeVectors(
  zip: ZipWriter,
  { names, config, index }: ModelFiles,
): Promise<readonly (LyingVector & { readonly name: string })[]> {
  const placed: (LyingVector & { readonly name: string; readonly values: Float32Array })[] = [];
  let end = 0;
  for (const { tensor, length, shapes } of modelVectors(names, config)) {
    const stored = locateVector(index, tensor, length, shapes);
    placed.push({ name: tensor, shape: stored.tensor.shape, offset: end, values: await stored.read() });
    end += lineEnd(4 * length);
  }
  const bytes = new Uint8Array(end);
  for (const { values, offset } of placed)
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), offset);
  await addText(zip, VECTORS_NAME, bytes);
  return placed.map(({ name, shape, offset }) => ({ name, shape, offset }));
}
