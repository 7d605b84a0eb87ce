/** A folder of a web server, or a GGUF file or bundle on one, as a model's folder. */
import { FileError, RemoteError } from "../../base/errors.ts";
import { isWholeModel } from "../given/whole-model.ts";
import type { ByteSource, FolderSource } from "../source.ts";
import { HttpClient, type RemoteOptions, remotePlace, requireUrl, shownUrl } from "./http-client.ts";
import { namesOfIndexPage } from "./index-page.ts";
import { openRemote } from "./remote-file.ts";

/**
 * A server does not list its files, so these names are tried. Other names can be opened as well: the index of a checkpoint in shards
 * names the shards, and where no weights have a usual name, the server's own page of the folder is read, if it has one.
 */
export const USUAL_NAMES: readonly string[] = [
  "config.json",
  "model.safetensors",
  "model.safetensors.index.json",
  "generation_config.json",
  "quantize_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "chat_template.jinja",
  "chat_template.json",
];

const ABSENT = [404, 410];

/**
 * The folder at `url`, or, where the address ends in `.gguf` or `.quern`, a folder that lists this file only. Nothing is read yet.
 * A query of the address is added to that of each file.
 */
export function remoteFolder(url: string | URL, options: RemoteOptions = {}): FolderSource {
  const address = withLogin(requireUrl(url), options);
  const { pathname } = address.url;
  const slash = pathname.lastIndexOf("/") + 1;
  const file = pathname.slice(slash);
  if (!isWholeModel(file)) return folderAt(address.url, address.options);
  const base = new URL(address.url);
  base.pathname = pathname.slice(0, slash);
  const folder = folderAt(base, address.options);
  // Other GGUF files beside it can be opened: they may be parts of the same model.
  return {
    ...folder,
    list: async () => [decodeURIComponent(file)],
    open: async (name) => (isWholeModel(name) ? folder.open(name) : undefined),
  };
}

function folderAt(base: URL, options: RemoteOptions): FolderSource {
  const client = new HttpClient(options);
  const name = shownUrl(base).replace(/\/+$/, "");
  const opened = new Map<string, Promise<ByteSource | undefined>>();
  const open = async (file: string): Promise<ByteSource | undefined> => {
    checkName(name, file);
    const known = opened.get(file) ?? openAt(fileUrl(base, file));
    opened.set(file, known);
    known.catch(() => opened.delete(file));
    return known;
  };
  let isOpen = false;
  const openAt = async (url: URL): Promise<ByteSource | undefined> => {
    try {
      const file = await openRemote(client, remotePlace(url), options);
      isOpen = true;
      return file;
    } catch (error) {
      const status = error instanceof RemoteError ? error.status : undefined;
      if (status !== undefined && ABSENT.includes(status)) return undefined;
      // Stores that do not list their files to strangers say so of a file that does not exist, too.
      if (status === 403 && isOpen) return undefined;
      throw error;
    }
  };
  return {
    name,
    async list() {
      await open(USUAL_NAMES[0]);
      const found = await Promise.all(
        USUAL_NAMES.map(async (file) => ((await open(file)) === undefined ? [] : [file])),
      );
      const names = found.flat();
      if (!names.some(isWeightsName)) names.push(...(await namesOfIndexPage(client, fileUrl(base, ""))));
      return names.sort();
    },
    open,
    async close() {
      opened.clear();
    },
  };
}

function isWeightsName(name: string): boolean {
  return /\.safetensors(?:\.index\.json)?$/.test(name);
}

/** The plain name of a file: a name from an index must not lead out of the folder. */
function checkName(folder: string, file: string): void {
  if (file === "" || file === "." || file === ".." || /[/\\\0]/.test(file))
    throw new FileError(`${folder}/${file}`, "found a path, expected the plain name of a file in the folder");
}

function fileUrl(base: URL, file: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/*$/, "/")}${encodeURIComponent(file)}`;
  url.hash = "";
  return url;
}

/** `https://user:password@host/`: fetch refuses such addresses, so the login becomes a header, which only this origin gets. */
function withLogin(url: URL, options: RemoteOptions): { readonly url: URL; readonly options: RemoteOptions } {
  if (url.username === "" && url.password === "") return { url, options };
  const login = new TextEncoder().encode(`${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`);
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  const authorization = `Basic ${btoa(String.fromCharCode(...login))}`;
  return { url: plain, options: { ...options, headers: { authorization, ...options.headers } } };
}
