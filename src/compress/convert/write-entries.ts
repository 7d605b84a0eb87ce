/** Writes the entries of a bundle: files, vectors, linears, and the index, which tells where each of them lies. */
import { jsonText } from "../../base/json-text.ts";
import { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import type { OutputFile } from "../../files/output.ts";
import { BUNDLE_VERSION, INDEX_NAME, type LyingFile } from "../../format/bundle/bundle-index.ts";
import { crc32 } from "../../format/bundle/crc32.ts";
import { COMMENT_BYTES } from "../../format/bundle/open-bundle.ts";
import { ZipWriter } from "../../format/bundle/zip-writer.ts";
import { locateVector } from "../../format/codecs/float-rows.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import { modelVectors } from "../../model/weights/vectors.ts";
import { meanBits, PLAN_BITS } from "../../policy/bit-plan.ts";
import { isQuantizable } from "../../tensor/linear-shape.ts";
import { PANEL_VERSION } from "../../tensor/panel.ts";
import type { Machine } from "../../wasm/machine.ts";
import { readCompanions } from "../write/companions.ts";
import { smallType } from "./folder-tensors.ts";
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

/** Files of a model's folder that come with its weights, besides those that every written folder has. */
const SETTINGS: readonly string[] = ["config.json", "quantize_config.json", "chat_template.json"];

/** Returns the bytes of the file. */
export async function writeEntries(files: ModelFiles, options: BundleOptions): Promise<number> {
  const { output, machine, signal, onProgress, onWarning } = options;
  const zip = new ZipWriter(output);
  const add = (name: string, bytes: Uint8Array) => zip.add(name, { bytes: bytes.length, crc: crc32(bytes) }, [bytes]);
  const written: LyingFile[] = [];
  const templates = (await files.folder.list()).filter((name) => name.endsWith(".jinja"));
  for await (const [name, bytes] of readCompanions(files, [...SETTINGS, ...templates]))
    written.push(await add(name, bytes));
  const plan = planOf(files.linears);
  if (plan !== undefined) written.push(await add("plan.json", utf8(plan)));
  for (const { tensor, length, shapes } of modelVectors(files.names, files.config)) {
    const stored = locateVector(files.index, tensor, length, shapes);
    const { buffer } = await stored.read();
    const { shape } = stored.tensor;
    written.push({
      ...(await add(`weights/${tensor}`, new Uint8Array(buffer))),
      shape,
      dtype: smallType(stored.tensor),
    });
  }
  const total = files.linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
  const linears = await writeLinears(zip, files, {
    ...{ machine, turns: new Turns(signal) },
    warn: (sentence) => onWarning?.(`${files.name}: ${sentence}`),
    onBytes: (done) => onProgress?.({ phase: "convert", done, total, unit: "bytes" }),
  });
  const index = { writer: `quern ${VERSION}`, format: BUNDLE_VERSION, panels: PANEL_VERSION, files: written, linears };
  const { offset, bytes, crc } = await add(INDEX_NAME, utf8(JSON.stringify(index)));
  return zip.end(`quern index at ${offset}, ${bytes} bytes, CRC-32 ${crc}`.padEnd(COMMENT_BYTES));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The bits of every linear as a plan; undefined for blocks of other widths than plans have. */
function planOf(linears: ModelFiles["linears"]): string | undefined {
  const modules = linears.filter(isQuantizable);
  const bits = modules.map(({ stored }) => (stored.kind === "float" ? 16 : stored.bits));
  if (bits.some((width) => !(PLAN_BITS as readonly number[]).includes(width))) return undefined;
  const resolved = Object.fromEntries(modules.map(({ name }, at) => [name, bits[at]]));
  const averageBits = meanBits(modules.map(({ rows, cols }, at) => ({ rows, cols, bits: bits[at] })));
  return jsonText({ base: 16, rules: [], resolved, averageBits, policy: "" });
}
