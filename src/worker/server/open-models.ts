/** The models of a worker, by number: from files, addresses, the storage, or quantised there. */
import { UsageError } from "../../base/errors.ts";
import { givenFolder } from "../../files/given/given-folder.ts";
import { isRemoteName, namedFolder } from "../../files/hub/named-folder.ts";
import { type ByteSource, type FolderSource, readAll } from "../../files/source.ts";
import { inspectModel } from "../../model/inspect.ts";
import type { LanguageModel, LoadOptions } from "../../runtime/language-model.ts";
import { loadGiven, type ModelSource } from "../../runtime/load/load-given.ts";
import { embeddedKernels } from "../../wasm/embedded.ts";
import { KeepingFolder } from "../store/keeping-folder.ts";
import type { StorePlace } from "../store/store-place.ts";
import { requirePlace, storedFolder } from "../store/stored-models.ts";
import type { FileFacts, OpenedModel, StoredModel, WorkerLoadOptions, WorkerSource } from "../wire/worker-calls.ts";
import type { ServeOptions } from "./serve-options.ts";
import type { ServedRun } from "./served-run.ts";

interface Open {
  readonly model: LanguageModel;
  readonly source: ModelSource;
  readonly options: LoadOptions;
}

type LoadModel = NonNullable<ServeOptions["loadModel"]>;

/** Most bytes of a file that one message carries. */
const MOST_FILE_BYTES: number = 2 ** 31 - 1;

export class OpenModels {
  readonly #open = new Map<number, Open>();
  readonly #place: () => Promise<StorePlace | undefined>;
  readonly #loadModel: LoadModel;
  #count = 0;

  constructor(place: () => Promise<StorePlace | undefined>, loadModel: LoadModel = loadEmbedded) {
    this.#place = place;
    this.#loadModel = loadModel;
  }

  async load(source: WorkerSource, { storeAs, ...options }: WorkerLoadOptions, run: ServedRun): Promise<OpenedModel> {
    if (isStored(source)) {
      const place = requirePlace(await this.#place(), source.stored);
      return this.add(await storedFolder(place, source.stored), options, run);
    }
    if (storeAs === undefined) return this.add(source as ModelSource, options, run);
    const place = requirePlace(await this.#place(), storeAs);
    const { signal, onProgress } = run;
    const { remote } = options;
    const folder = isRemoteName(source) ? await namedFolder(source, { signal, remote }) : givenFolder(source);
    const keeping = new KeepingFolder(storeAs, folder, place);
    const opened = await this.add(keeping, options, run);
    try {
      await keeping.keepAll({ signal, onProgress });
    } catch (error) {
      await this.dispose(opened.model);
      throw error;
    }
    return opened;
  }

  /** Opens a model under a new number. */
  async add(source: ModelSource, options: LoadOptions, run: ServedRun): Promise<OpenedModel> {
    const model = await this.#loaded(source, options, run);
    const number = this.#count++;
    this.#open.set(number, { model, source, options });
    return { model: number, facts: inspectModel(model.files), engine: model.engine, starved: [] };
  }

  /** The model once more, for a job that closes it. */
  again(number: number, run: ServedRun): Promise<LanguageModel> {
    const { source, options } = this.#entry(number);
    return this.#loaded(source, options, run);
  }

  /** @throws UsageError for a model that was disposed. */
  take(number: number): LanguageModel {
    return this.#entry(number).model;
  }

  optionsOf(number: number): LoadOptions {
    return this.#entry(number).options;
  }

  async files(number: number): Promise<readonly FileFacts[]> {
    const folder = this.#folder(number);
    const names = await folder.list();
    return Promise.all(names.map(async (name) => ({ name, bytes: ((await folder.open(name)) as ByteSource).size })));
  }

  async file(number: number, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const source = await this.#folder(number).open(name);
    if (source === undefined) throw new UsageError("file", name, (await this.#folder(number).list()).join(", "));
    return (await readAll(source, MOST_FILE_BYTES)) as Uint8Array<ArrayBuffer>;
  }

  async store(number: number, name: string, run: ServedRun): Promise<StoredModel> {
    const place = requirePlace(await this.#place(), name);
    const folder = this.#folder(number);
    await place.remove(name);
    return new KeepingFolder(name, folder, place).keepAll(run);
  }

  async dispose(number: number): Promise<void> {
    const open = this.#open.get(number);
    this.#open.delete(number);
    await open?.model[Symbol.asyncDispose]();
  }

  #loaded(source: ModelSource, options: LoadOptions, { signal, tell, onProgress }: ServedRun): Promise<LanguageModel> {
    const onWarning = (warning: string) => tell({ warning });
    return this.#loadModel(source, { ...options, signal, onProgress, onWarning });
  }

  #folder(number: number): FolderSource {
    return this.take(number).files.folder;
  }

  #entry(number: number): Open {
    const open = this.#open.get(number);
    if (open === undefined) throw new UsageError("model", `model ${number}, which is disposed`, "a model that is open");
    return open;
  }
}

async function loadEmbedded(source: ModelSource, options: LoadOptions): Promise<LanguageModel> {
  return loadGiven(source, embeddedKernels(), options);
}

function isStored(source: WorkerSource): source is { readonly stored: string } {
  return typeof (source as { readonly stored?: unknown }).stored === "string";
}
