/**
 * A study as other machines get it: the configuration with paths within a folder of its own, and the files of that folder by their SHA-256. A worker
 * lays the folder out, and then computes the keys of all cells from the bytes that it has.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { withFileErrors } from "../../../adapter/file-errors.ts";
import { FormatError } from "../../../base/errors.ts";
import { asObject, isObject, parseJson } from "../../../base/json.ts";
import { findTasks } from "../../../eval/tasks/registry.ts";
import { hashOf } from "../cell-list.ts";
import type { SweepConfig, SweepMetric } from "../config/sweep-config.ts";
import { asStoredFile, fetchFile, keepFile, type StoredFile } from "../store/blobs.ts";
import { PLACES, type Store } from "../store/store.ts";

/** The name of the configuration in the study's folder. */
const CONFIG = "sweep.json";

/** Puts a study into the store, with all files that its cells read. @returns its name there. */
export async function keepStudy(store: Store, config: SweepConfig): Promise<string> {
  const files = new StudyFiles(store);
  const portable = {
    ...config,
    $schema: undefined,
    models: await inTurn(config.models, async (model) => ({ ...model, path: await files.model(model.path) })),
    calibration: await inTurn(config.calibration, async (draw) => ({
      ...draw,
      ...(draw.idsFile !== undefined && { idsFile: await files.input(draw.idsFile) }),
      ...(draw.text !== undefined && { text: await inTurn(draw.text, (path) => files.input(path)) }),
    })),
    metrics: await inTurn(config.metrics, (metric) => withInputs(files, metric)),
  };
  const study = { config: portable, files: Object.fromEntries(files.found) };
  const name = await hashOf(study);
  await store.writeText(`${PLACES.studies}/${name}.json`, JSON.stringify(study));
  return name;
}

async function withInputs(files: StudyFiles, metric: SweepMetric): Promise<SweepMetric> {
  if (metric.type === "tasks") return { ...metric, data: await files.tasks(metric) };
  return {
    ...metric,
    ...(metric.text !== undefined && { text: await files.input(metric.text) }),
    ...(metric.idsFile !== undefined && { idsFile: await files.input(metric.idsFile) }),
  };
}

/** One after the other: models are large, and reading several at once is no faster. */
async function inTurn<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await each(item));
  return results;
}

/** Files of a study by their place in its folder. Each is put into the store once. */
class StudyFiles {
  readonly found: Map<string, StoredFile> = new Map();
  readonly #store: Store;
  readonly #kept: Map<string, StoredFile> = new Map();
  readonly #places: Map<string, string> = new Map();

  constructor(store: Store) {
    this.#store = store;
  }

  /** A text or a file of ids. Its own name stays: its ending may say what it is. */
  async input(path: string): Promise<string> {
    const blob = await this.#keep(path);
    return this.#place(`inputs/${blob.sha256.slice(0, 16)}/${basename(path)}`, blob);
  }

  /** The files of a model's folder, or a file that is a model. */
  async model(path: string): Promise<string> {
    const known = this.#places.get(path);
    if (known !== undefined) return known;
    const place = `models/${this.#places.size}/${basename(path)}`;
    this.#places.set(path, place);
    if ((await withFileErrors(path, () => stat(path))).isDirectory()) await this.#folder(path, place);
    else this.#place(place, await this.#keep(path));
    return place;
  }

  /** The files of tasks, plain or packed. One that is missing is reported by the cell. */
  async tasks({ tasks, data }: Extract<SweepMetric, { readonly type: "tasks" }>): Promise<string> {
    const place = `tasks/${this.#places.size}`;
    this.#places.set(`${place} of ${data}`, place);
    const lists = findTasks(tasks).flatMap(({ task }) => Object.values(task.files).flat());
    for (const { path, labels } of lists)
      for (const name of [path, labels].filter((part) => part !== undefined))
        for (const file of [name, `${name}.gz`])
          if (existsSync(join(data, file))) this.#place(posix.join(place, file), await this.#keep(join(data, file)));
    return place;
  }

  async #folder(path: string, place: string): Promise<void> {
    for (const entry of await withFileErrors(path, () => readdir(path, { withFileTypes: true }))) {
      const [from, to] = [join(path, entry.name), posix.join(place, entry.name)];
      const found = entry.isSymbolicLink() ? await withFileErrors(from, () => stat(from)) : entry;
      if (found.isDirectory()) await this.#folder(from, to);
      else this.#place(to, await this.#keep(from));
    }
  }

  async #keep(path: string): Promise<StoredFile> {
    const blob = this.#kept.get(path) ?? (await keepFile(this.#store, path));
    this.#kept.set(path, blob);
    return blob;
  }

  #place(place: string, blob: StoredFile): string {
    this.found.set(place, blob);
    return place;
  }
}

/** Lays a study out in `folder`, unless it is there. @returns the path of its configuration. */
export async function layStudy(store: Store, name: string, folder: string): Promise<string> {
  const path = join(folder, CONFIG);
  if (existsSync(path)) return path;
  const object = `${PLACES.studies}/${name}.json`;
  const where = `${store.name}/${object}`;
  const text = await store.text(object);
  if (text === undefined) throw new FormatError(where, "found no such file, expected the study of a job");
  const study = asObject(parseJson(text, where), where);
  if (!isObject(study["files"]) || !isObject(study["config"])) throw new FormatError(where, "found no study");
  for (const [place, value] of Object.entries(study["files"])) {
    if (!isWithin(place)) throw new FormatError(where, `found the path ${JSON.stringify(place)}, expected one inside`);
    await fetchFile(store, asStoredFile(value, `${where}: ${place}`), join(folder, place));
  }
  // Last, since it shows that the others are there.
  await withFileErrors(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, JSON.stringify(study["config"]));
  });
  return path;
}

/** Whether a path of a study stays in its folder. */
function isWithin(place: string): boolean {
  const parts = place.split("/");
  return (
    parts.length > 1 && parts.every((part) => part !== "" && part !== "." && part !== ".." && !/[\\:\0]/.test(part))
  );
}
