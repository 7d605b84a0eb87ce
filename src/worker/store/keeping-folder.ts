/** A folder whose files are stored as they are loaded, so that a model is downloaded once, and a cut download goes on where it was. */
import { Turns } from "../../base/turns.ts";
import { type ByteSource, blobSource, type FolderSource, type PrepareRun } from "../../files/source.ts";
import type { Progress } from "../../model/model.ts";
import type { StoredModel } from "../wire/worker-calls.ts";
import { type PlacedFile, type PlacedName, type StorePlace, storageFailure } from "./store-place.ts";
import { describeStored, isWhole, WHOLE_MARK } from "./stored-models.ts";

const PIECE_BYTES = 4 * 1024 * 1024;
/** So many bytes of a cut download are compared with the file before it goes on, since the file may have changed. */
const OVERLAP_BYTES = 64 * 1024;
const WEIGHTS = /\.(?:safetensors|gguf|quern)$/;
const FACTS = /\.(?:json|jinja)$/;

export interface KeepRun {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export class KeepingFolder implements FolderSource {
  readonly name: string;
  readonly #folder: FolderSource;
  readonly #place: StorePlace;
  readonly #kept = new Map<string, KeptFile>();

  /** @param name under which the model is stored. */
  constructor(name: string, folder: FolderSource, place: StorePlace) {
    this.name = name;
    this.#folder = folder;
    this.#place = place;
  }

  list(): Promise<string[]> {
    return this.#folder.list();
  }

  async open(file: string): Promise<ByteSource | undefined> {
    const known = this.#kept.get(file);
    if (known !== undefined) return known;
    const source = await this.#folder.open(file);
    if (source === undefined) return undefined;
    const kept = new KeptFile(source, { model: this.name, name: file }, this.#place);
    this.#kept.set(file, kept);
    return kept;
  }

  /** Stores the files that were opened, all configurations, and, if no weights were opened, all weights. Only then is the model whole. */
  async keepAll({ signal, onProgress }: KeepRun): Promise<StoredModel> {
    const hasWeights = [...this.#kept.keys()].some((file) => WEIGHTS.test(file));
    for (const file of await this.list())
      if (FACTS.test(file) || (!hasWeights && WEIGHTS.test(file))) await this.open(file);
    const total = [...this.#kept.values()].reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    const onBytes = (bytes: number) => {
      done += bytes;
      onProgress?.({ phase: "store", done, total, unit: "bytes" });
    };
    for (const file of this.#kept.values()) await file.prepare({ signal, onBytes });
    const mark = new TextEncoder().encode(JSON.stringify({ from: this.#folder.name, bytes: total }));
    await kept(this.#place, this.name, () => this.#place.append({ model: this.name, name: WHOLE_MARK }, 0, mark));
    return describeStored(this.#place, this.name);
  }

  close(): Promise<void> {
    return this.#folder.close();
  }
}

/** Does what fills the storage. A model that does not fit is removed, since the room that it takes serves nothing. */
async function kept(place: StorePlace, model: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const failure = storageFailure(model, error);
    if (failure !== error) await place.remove(model);
    throw failure;
  }
}

class KeptFile implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #source: ByteSource;
  readonly #file: PlacedName;
  readonly #place: StorePlace;
  #local: ByteSource | undefined;

  constructor(source: ByteSource, file: PlacedName, place: StorePlace) {
    this.name = source.name;
    this.size = source.size;
    this.#source = source;
    this.#file = file;
    this.#place = place;
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return (this.#local ?? this.#source).read(offset, into);
  }

  async prepare({ signal, onBytes = () => {} }: PrepareRun): Promise<void> {
    const turns = new Turns(signal);
    let at = this.#local === undefined ? await this.#begun() : this.size;
    onBytes(at);
    if (at < this.size) await this.#change();
    while (at < this.size) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, this.size - at));
      await this.#source.read(at, piece);
      turns.check();
      await kept(this.#place, this.#file.model, () => this.#place.append(this.#file, at, piece));
      at += piece.length;
      onBytes(piece.length);
    }
    const placed = await this.#placed();
    if (placed !== undefined) this.#local = blobSource(this.name, await placed.blob());
  }

  close(): Promise<void> {
    return this.#source.close?.() ?? Promise.resolve();
  }

  async #placed(): Promise<PlacedFile | undefined> {
    return (await this.#place.files(this.#file.model)).get(this.#file.name);
  }

  /** From now until the mark is written again, the model counts as one that was cut. */
  async #change(): Promise<void> {
    const { model } = this.#file;
    if (isWhole(await this.#place.files(model)))
      await this.#place.append({ model, name: WHOLE_MARK }, 0, new Uint8Array(0));
  }

  /** Bytes of this very file that are stored already; 0 if they differ from the file at their end. */
  async #begun(): Promise<number> {
    const placed = await this.#placed();
    if (placed === undefined || placed.bytes === 0 || placed.bytes > this.size) return 0;
    const start = Math.max(0, placed.bytes - OVERLAP_BYTES);
    const stored = new Uint8Array(await (await placed.blob()).slice(start).arrayBuffer());
    const expected = new Uint8Array(stored.length);
    await this.#source.read(start, expected);
    return stored.every((byte, i) => byte === expected[i]) ? placed.bytes : 0;
  }
}
