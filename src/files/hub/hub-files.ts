/** Which files of a repository are the model that a reference names. */
import { FileError, RemoteError, UsageError } from "../../base/errors.ts";
import { groupBy } from "../../base/group-by.ts";
import { isWholeModel } from "../given/whole-model.ts";
import { type HubReference, shownReference } from "./hub-reference.ts";
import type { HubFile } from "./hub-tree.ts";

const SAFETENSORS = /\.safetensors$/i;
/** GGUF files that are no language model: projectors of images, matrices of importance. */
const NO_MODEL = /^(?:mmproj|imatrix)|imatrix\.gguf$/i;
const MOST_CHOICES = 50;

/** A model's files: those of one folder of the repository, by their names in it. */
export interface HubModel {
  /** The folder in the repository; empty for its top. */
  readonly folder: string;
  readonly files: ReadonlyMap<string, HubFile>;
  /** Names that the folder lists. Others can be opened as well. */
  readonly listed: readonly string[];
}

/** @throws UsageError for a repository of several models in files of their own, naming them; RemoteError for a path that is not in it. */
export function modelOf(reference: HubReference, all: readonly HubFile[]): HubModel {
  const { path } = reference;
  const where = shownReference(reference);
  if (isWholeModel(path)) {
    if (all.some((file) => file.path === path)) return oneFile(path, all);
    const found = choices(all).slice(0, MOST_CHOICES).join(", ");
    throw new RemoteError(where, `found no such file, expected ${found || "a repository with .gguf or .quern files"}`, {
      status: 404,
    });
  }
  const files = filesIn(path, all);
  if (path !== "" && files.size === 0)
    throw new RemoteError(where, "found no such file or folder in the repository", { status: 404 });
  if ([...files.keys()].some((name) => SAFETENSORS.test(name)))
    return { folder: path, files, listed: [...files.keys()].sort() };
  const within = all.filter((file) => path === "" || file.path.startsWith(`${path}/`));
  const models = choices(within);
  if (models.length === 1) return oneFile(models[0], all);
  if (models.length === 0) return { folder: path, files, listed: [...files.keys()].sort() };
  const names = models.slice(0, MOST_CHOICES).map((model) => shownReference({ ...reference, path: model }));
  throw new UsageError(where, `a repository of ${models.length} models`, `one of ${names.join(", ")}`);
}

function oneFile(path: string, all: readonly HubFile[]): HubModel {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, slash));
  const files = filesIn(folder, all);
  return { folder, files, listed: [path.slice(slash + 1)] };
}

function filesIn(folder: string, all: readonly HubFile[]): Map<string, HubFile> {
  const start = folder === "" ? "" : `${folder}/`;
  const names = all.map((file) => [file.path.slice(start.length), file] as const);
  return new Map(names.filter(([name, file]) => file.path.startsWith(start) && !name.includes("/")));
}

/** The first file of each model that has files of its own. */
function choices(all: readonly HubFile[]): string[] {
  const paths = all
    .map(({ path }) => path)
    .filter((path) => isWholeModel(path) && !NO_MODEL.test(path.replace(/.*\//, "")));
  const models = groupBy(paths, (path) => path.replace(/-\d{5}(-of-\d{5}\.gguf)$/i, "$1"));
  return [...models.values()].map((parts) => parts.sort()[0]).sort();
}

/** The path in the repository of a file that no list names. */
export function inRepository({ folder }: HubModel, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

/** Weights are read by ranges until a model is loaded; all other files are small. */
export function isWeights(name: string): boolean {
  return isWholeModel(name) || SAFETENSORS.test(name);
}

/** The plain name of a file, or an error: an index of shards must not lead out of the folder. */
export function checkHubName(folder: string, file: string): void {
  if (/[/\\\0]/.test(file)) throw new FileError(`${folder}/${file}`, "found a path, expected the plain name of a file");
}
