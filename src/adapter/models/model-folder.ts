/** The folder that a path or a URL names as a model. Errors about other kinds of models say what they are, not that a path is missing. */

import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { UnsupportedError, UsageError } from "../../base/errors.ts";
import { isWholeModel } from "../../files/given/whole-model.ts";
import { hubReferenceOf } from "../../files/hub/hub-reference.ts";
import { isRemoteName, namedFolder, type OpeningRun, remoteOptions } from "../../files/hub/named-folder.ts";
import type { FolderSource } from "../../files/source.ts";
import { nodeFile, nodeFolder } from "../node.ts";

const SOURCES = ["a folder in Hugging Face layout, a .gguf file or a .quern file (a path or a URL), or hf:OWNER/NAME"];

/** @throws UnsupportedError for other URLs; FileError for a path that is not a folder of a model, a GGUF file or a bundle. */
export async function modelFolder(model: string | URL, run: OpeningRun = {}): Promise<FolderSource> {
  const reference = hubReferenceOf(model);
  if (reference !== undefined) {
    const { cachedHubFolder } = await import("../hub-cache/cached-hub-folder.ts");
    return cachedHubFolder(reference, remoteOptions(run));
  }
  if (isRemoteName(model)) return namedFolder(model, run);
  const path = pathOf(model);
  if (isWholeModel(path) && !(await isFolder(path))) return fileFolder(path);
  const folder = await nodeFolder(path);
  if ((await folder.list()).includes("config.json")) return folder;
  const { hubSnapshot } = await import("./hub-snapshot.ts");
  const snapshot = await hubSnapshot(path);
  return snapshot === undefined ? folder : nodeFolder(snapshot);
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

/** A GGUF file or a bundle as a folder that lists this file only. Other GGUF files beside it can be opened: they may be parts of the same model. */
async function fileFolder(path: string): Promise<FolderSource> {
  await (await nodeFile(path)).close?.();
  const folder = await nodeFolder(dirname(path));
  return {
    ...folder,
    list: async () => [basename(path)],
    open: async (file) => (isWholeModel(file) ? folder.open(file) : undefined),
  };
}

function pathOf(model: string | URL): string {
  if (model instanceof URL) return pathOfUrl(model);
  if (model === "") throw new UsageError("model", "an empty path", SOURCES[0]);
  if (model.includes("\0")) throw new UsageError("model", "a path with a zero character", SOURCES[0]);
  // A single letter is a drive on Windows, not a scheme.
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(model)?.[1].toLowerCase();
  if (scheme === "file" && URL.canParse(model)) return pathOfUrl(new URL(model));
  if (scheme !== undefined && (model.slice(scheme.length).startsWith("://") || ["data", "blob"].includes(scheme)))
    throw new UnsupportedError(shortened(model), `a URL (${scheme}:)`, SOURCES);
  return model;
}

/** `file:///C:/models/a%20b` is `C:\models\a b` on Windows: Node knows how. */
function pathOfUrl(url: URL): string {
  if (url.protocol !== "file:") throw new UnsupportedError(shortened(url.href), `a URL (${url.protocol})`, SOURCES);
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new UsageError(
      shortened(url.href),
      `a file: URL that is no path here (${(cause as Error).message})`,
      SOURCES[0],
    );
  }
}

function shortened(text: string): string {
  return text.length > 200 ? `${text.slice(0, 197)}...` : text;
}
