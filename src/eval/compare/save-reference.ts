/** Runs a reference model once and saves the rows that comparisons need to a file, window by window. */

import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { Turns } from "../../base/turns.ts";
import { VERSION } from "../../base/version.ts";
import type { FileSink, OutputFile } from "../../files/output.ts";
import { sha256 } from "../../files/sha256.ts";
import { PIECE_BYTES } from "../../files/source.ts";
import { encodeHeader, type TensorSpec } from "../../format/safetensors-writer.ts";
import type { Model, Progress } from "../../model/model.ts";
import { baseName, modelHash } from "../../model/model-identity.ts";
import { activationsName } from "../../nn/emit.ts";
import { longestWindow, type WindowProtocol } from "../scoring/scored-windows.ts";
import { type ReferenceShape, type ReferenceWindow, shapeOf } from "./reference.ts";
import { encodeRow } from "./reference-code.ts";
import { type ReferenceFacts, referenceTensors, writeFacts } from "./reference-layout.ts";
import { Follower } from "./running-reference.ts";

/** The output file, how the windows were cut, and callbacks. */
export interface SaveReferenceOptions {
  /** The file is committed at the end, and removed on any failure. */
  readonly output: OutputFile;
  /** How the windows were cut. It is kept in the file's header, and later comparisons cut their texts in the same way. */
  readonly protocol?: WindowProtocol;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const OPTIONS: KnownOptions<SaveReferenceOptions> = { output: true, protocol: true, signal: true, onProgress: true };

/** The facts in the header of the file that was written, and the numbers of bytes, windows and scored tokens. */
export interface SavedFacts extends ReferenceFacts {
  readonly bytes: number;
  readonly windows: number;
  readonly scoredTokens: number;
}

/**
 * Writes the reference's file (reference-layout.ts) and commits it; on any failure nothing remains. The file takes 2 bytes for each
 * scored token and entry of the vocabulary.
 * @throws UsageError for no windows, or one that is too short to score or too long for the model.
 */
export async function saveReference(
  reference: Model,
  windows: readonly (readonly number[])[],
  options: SaveReferenceOptions,
): Promise<SavedFacts> {
  await using file = options.output;
  checkKnownOptions<SaveReferenceOptions>("saveReference", options, OPTIONS);
  const { protocol, signal, onProgress } = options;
  const turns = new Turns(signal);
  using follower = new Follower(reference, longestWindow(windows, reference.config.maxPositions));
  const writer = await ReferenceWriter.begin(reference, { windows, protocol }, file, turns);
  for (const [place, ids] of windows.entries()) {
    await writer.add(await follower.window(place, ids, turns), turns);
    onProgress?.({ phase: "save reference", done: place + 1, total: windows.length, unit: "windows" });
  }
  await writer.end();
  await file.commit();
  return writer.facts;
}

/** Windows, and the protocol by which they were cut from ids; undefined if the windows themselves were given. */
export interface ComparedWindows {
  readonly windows: readonly (readonly number[])[];
  readonly protocol: WindowProtocol | undefined;
}

/** Writes windows in order. Codes are written at once, and the small tensors after them at the end. */
export class ReferenceWriter {
  readonly facts: SavedFacts;
  readonly #sink: FileSink;
  readonly #shape: ReferenceShape;
  readonly #order: readonly TensorSpec[];
  readonly #small: SmallTensors;
  #windows = 0;
  #rows = 0;
  #tokens = 0;

  /** Hashes the model, then writes the header and the tensors before the codes. */
  static async begin(
    reference: Model,
    { windows, protocol }: ComparedWindows,
    sink: FileSink,
    turns: Turns,
  ): Promise<ReferenceWriter> {
    const shape = shapeOf(reference.config);
    const small = smallTensors(shape, windows);
    const { mode, group } = reference.activations;
    if (mode === "study")
      throw new UsageError(
        "saved reference: activations",
        activationsName(reference.activations),
        "f32, int16 or int8",
      );
    const facts = {
      name: baseName(reference.files.name),
      hash: await modelHash(reference.files, turns),
      activations: mode,
      activationGroup: String(group),
      kernels: `${VERSION} ${reference.machine.build}`,
      protocol,
      idsHash: await sha256(small.ids),
    };
    const tensors = referenceTensors(shape, small.lengths.length, small.ids.length);
    const { bytes, order, fileBytes } = encodeHeader(Object.values(tensors), writeFacts(facts, shape));
    const sizes = { bytes: fileBytes, windows: small.lengths.length, scoredTokens: small.ranges.length };
    const writer = new ReferenceWriter(sink, shape, order, small, { ...facts, ...sizes });
    await sink.write(bytes);
    await writer.#writeSmall(0, writer.#codesPlace);
    return writer;
  }

  private constructor(
    sink: FileSink,
    shape: ReferenceShape,
    order: readonly TensorSpec[],
    small: SmallTensors,
    facts: SavedFacts,
  ) {
    this.#sink = sink;
    this.#shape = shape;
    this.#order = order;
    this.#small = small;
    this.facts = facts;
  }

  /** Adds the next window. */
  async add(window: ReferenceWindow, turns: Turns): Promise<void> {
    const { vocabSize } = this.#shape;
    const tokens = this.#small.lengths[this.#windows++];
    const pieceRows = Math.max(1, Math.floor(PIECE_BYTES / (2 * vocabSize)));
    const row = new Float32Array(vocabSize);
    for (let done = 0; done < tokens - 1; done += pieceRows) {
      const rows = Math.min(pieceRows, tokens - 1 - done);
      const codes = new Uint16Array(rows * vocabSize);
      for (let at = 0; at < rows; at++) {
        await turns.pause();
        window.copyLogits(row, vocabSize, done + at, 1);
        this.#small.ranges[this.#rows++] = encodeRow(row, codes.subarray(at * vocabSize, (at + 1) * vocabSize));
      }
      await this.#sink.write(bytesOf(codes));
    }
    this.#keepRoutes(window.routes, tokens);
  }

  /** Writes the tensors after the codes. The sink stays open. */
  async end(): Promise<void> {
    await this.#writeSmall(this.#codesPlace + 1, this.#order.length);
  }

  get #codesPlace(): number {
    return this.#order.findIndex(({ name }) => name === "codes");
  }

  async #writeSmall(first: number, last: number): Promise<void> {
    for (const { name } of this.#order.slice(first, last))
      await this.#sink.write(bytesOf(this.#small[name as keyof SmallTensors]));
  }

  #keepRoutes(routes: readonly Int32Array[], tokens: number): void {
    const { topK } = this.#shape;
    for (let token = 0; token < tokens; token++)
      routes.forEach((sets, place) => {
        const at = ((this.#tokens + token) * routes.length + place) * topK;
        this.#small.experts.set(sets.subarray(token * topK, (token + 1) * topK), at);
      });
    this.#tokens += tokens;
  }
}

/** Every tensor but the codes. They take a few bytes a token and stay in memory until their place in the file is reached. */
interface SmallTensors {
  readonly lengths: Int32Array<ArrayBuffer>;
  readonly ids: Int32Array<ArrayBuffer>;
  readonly ranges: Uint16Array;
  readonly experts: Uint8Array | Uint16Array;
}

function smallTensors(shape: ReferenceShape, windows: readonly (readonly number[])[]): SmallTensors {
  const ids = Int32Array.from(windows.flat());
  const chosen = ids.length * shape.moeLayers.length * shape.topK;
  return {
    lengths: Int32Array.from(windows, (window) => window.length),
    ids,
    ranges: new Uint16Array(ids.length - windows.length),
    experts: shape.experts > 256 ? new Uint16Array(chosen) : new Uint8Array(chosen),
  };
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
