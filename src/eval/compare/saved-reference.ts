/** Reads a saved reference: header and ids on opening, codes and routes window by window. */
import { FormatError } from "../../base/errors.ts";
import type { Turns } from "../../base/turns.ts";
import { sha256 } from "../../files/sha256.ts";
import type { ByteSource } from "../../files/source.ts";
import { openSafetensors, type TensorFile } from "../../format/safetensors.ts";
import { readTensor, requireSpec, requireTensor, type TensorEntry } from "../../format/tensor-index.ts";
import type { ReferenceRows, ReferenceShape, ReferenceWindow } from "./reference.ts";
import { decodeRow } from "./reference-code.ts";
import { type ReferenceFacts, readFacts, referenceTensors } from "./reference-layout.ts";

/** Opens a saved reference, which then owns `source`. @throws FormatError naming the file and the tensor or field that is wrong. */
export async function openReference(source: ByteSource): Promise<SavedReference> {
  try {
    return await SavedReference.open(source);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

/** A saved reference, which takes the place of a reference model in `compare`. Owns the file. */
export class SavedReference implements ReferenceRows, AsyncDisposable {
  /** Name of the file. */
  readonly name: string;
  readonly facts: ReferenceFacts;
  readonly shape: ReferenceShape;
  readonly windows: readonly (readonly number[])[];
  readonly #file: TensorFile;
  /** Tokens before each window. */
  readonly #starts: readonly number[];

  static async open(source: ByteSource): Promise<SavedReference> {
    const file = await openSafetensors(source);
    const { facts, shape } = readFacts(file);
    const [count, tokens] = ["lengths", "ids"].map((name) => requireTensor(file, name).shape[0] ?? 0);
    const specs = referenceTensors(shape, count, tokens);
    for (const spec of Object.values(specs)) requireSpec(file, spec);
    const windows = await readWindows(file, shape);
    const ids = Int32Array.from(windows.flat());
    const hash = await sha256(ids);
    if (hash !== facts.idsHash)
      throw new FormatError(`${file.name}: tensor ids`, `found SHA-256 ${hash}, expected ${facts.idsHash}`);
    return new SavedReference(file, facts, shape, windows);
  }

  private constructor(
    file: TensorFile,
    facts: ReferenceFacts,
    shape: ReferenceShape,
    windows: readonly (readonly number[])[],
  ) {
    this.name = file.name;
    this.facts = facts;
    this.shape = shape;
    this.windows = windows;
    this.#file = file;
    let tokens = 0;
    this.#starts = windows.map(({ length }) => {
      tokens += length;
      return tokens - length;
    });
  }

  async window(place: number, _ids: readonly number[], turns: Turns): Promise<ReferenceWindow> {
    turns.check();
    const { vocabSize } = this.shape;
    const tokens = this.windows[place].length;
    const firstRow = this.#starts[place] - place;
    const codes = await this.#readU16("codes", firstRow, tokens - 1);
    const ranges = await this.#readU16("ranges", firstRow, tokens - 1);
    return {
      routes: await this.#readRoutes(this.#starts[place], tokens),
      copyLogits: (into, ld, first, rows) => {
        for (let row = 0; row < rows; row++) {
          const from = (first + row) * vocabSize;
          decodeRow(codes.subarray(from, from + vocabSize), ranges[first + row], into.subarray(row * ld));
        }
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #readU16(name: string, first: number, rows: number): Promise<Uint16Array> {
    const entry = requireTensor(this.#file, name);
    return new Uint16Array((await readRows(entry, first, rows)).buffer);
  }

  async #readRoutes(first: number, tokens: number): Promise<readonly Int32Array[]> {
    const { topK, moeLayers, experts } = this.shape;
    const entry = requireTensor(this.#file, "experts");
    const bytes = await readRows(entry, first, tokens);
    const chosen = entry.dtype === "U16" ? new Uint16Array(bytes.buffer) : bytes;
    const routes = moeLayers.map(() => new Int32Array(tokens * topK));
    chosen.forEach((expert, at) => {
      const [slot, set] = [at % topK, Math.floor(at / topK)];
      const [layer, token] = [set % moeLayers.length, Math.floor(set / moeLayers.length)];
      if (expert >= experts || (slot > 0 && expert <= chosen[at - 1]))
        throw new FormatError(
          `${entry.source.name}: tensor experts`,
          `found expert ${expert} of token ${first + token}, layer ${moeLayers[layer]}, expected ascending ones below ${experts}`,
        );
      routes[layer][token * topK + slot] = expert;
    });
    return routes;
  }
}

async function readWindows(file: TensorFile, { vocabSize }: ReferenceShape): Promise<readonly (readonly number[])[]> {
  const lengths = await readI32(file, "lengths");
  const ids = await readI32(file, "ids");
  const bad = ids.findIndex((id) => id < 0 || id >= vocabSize);
  if (bad >= 0)
    throw new FormatError(
      `${file.name}: tensor ids`,
      `found id ${ids[bad]} at token ${bad}, expected 0 to ${vocabSize - 1}`,
    );
  const windows: number[][] = [];
  let done = 0;
  for (const [place, length] of lengths.entries()) {
    if (length < 2 || length > ids.length - done)
      throw new FormatError(
        `${file.name}: tensor lengths`,
        `found ${length} tokens for window ${place}, expected 2 to ${ids.length - done}, the rest of ${ids.length} tokens`,
      );
    windows.push(Array.from(ids.subarray(done, done + length)));
    done += length;
  }
  if (done !== ids.length || windows.length === 0)
    throw new FormatError(
      `${file.name}: tensor lengths`,
      `found ${done} tokens in ${windows.length} windows, expected ${ids.length} in at least one`,
    );
  return windows;
}

async function readI32(file: TensorFile, name: string): Promise<Int32Array> {
  const entry = requireTensor(file, name);
  return new Int32Array((await readRows(entry, 0, entry.shape[0])).buffer);
}

/** Reads rows of a tensor along its first axis. */
async function readRows(entry: TensorEntry, first: number, rows: number): Promise<Uint8Array<ArrayBuffer>> {
  const rowBytes = entry.byteLength / entry.shape[0];
  const bytes = new Uint8Array(rows * rowBytes);
  await readTensor({ ...entry, offset: entry.offset + first * rowBytes, byteLength: bytes.byteLength }, bytes);
  return bytes;
}
