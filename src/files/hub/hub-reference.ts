/** Reads the name of a model of the hub: `hf:OWNER/NAME[/FILE or FOLDER][@REVISION]`. */
import { UsageError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import { isWholeModel } from "../given/whole-model.ts";

export interface HubReference {
  readonly owner: string;
  readonly name: string;
  /** A branch, a tag, a commit, or `refs/pr/N`. */
  readonly revision: string;
  /** A file that is a whole model, or a folder in the repository; empty for the repository's top. */
  readonly path: string;
}

const FORM = "hf:OWNER/NAME, with @REVISION or the name of a .gguf or .quern file behind it";
const PART = /^(?!-)(?!.*--)(?!.*\.\.)[\w.-]{1,96}$/;
const MOST_CHARACTERS = 1000;

export function isHubReference(text: string): boolean {
  return text.startsWith("hf:");
}

/** Hosts whose pages people copy the address of. */
const HUB_HOSTS = ["huggingface.co", "hf.co"];
const PAGE = /^\/([^/]+)\/([^/]+)(?:\/(?:tree|blob)\/([^/]+)((?:\/[^/]+)*))?\/?$/;

/**
 * The reference that a text or an address stands for: `hf:OWNER/NAME` itself, or a model's page on the hub as it is copied from a
 * browser. Undefined for other addresses, such as those of the hub's files.
 */
export function hubReferenceOf(source: string | URL): string | undefined {
  if (typeof source === "string" && isHubReference(source)) return source;
  if (!URL.canParse(source)) return undefined;
  const { hostname, pathname } = new URL(source);
  const match = HUB_HOSTS.includes(hostname) ? PAGE.exec(pathname) : null;
  if (match === null || ["datasets", "spaces", "api"].includes(match[1])) return undefined;
  const [, owner, name, revision = "main", path = ""] = match;
  return `hf:${owner}/${name}${decodeURIComponent(path)}@${decodeURIComponent(revision)}`;
}

/** @throws UsageError for a text of another form. */
export function parseHubReference(text: string): HubReference {
  const bad = (): UsageError => new UsageError("model", quoted(text.slice(0, 200)), FORM);
  if (!isHubReference(text) || text.length > MOST_CHARACTERS) throw bad();
  const [before, ...after] = text.replace(/^hf:(?:\/\/)?/, "").split("@");
  const [owner = "", name = "", ...rest] = before.split("/");
  const isPlain = (part: string) => PART.test(part) && !/^\.+$/.test(part);
  if (!isPlain(owner) || !isPlain(name) || after.length > 1) throw bad();
  const { revision, file } = afterAt(after[0] ?? "main");
  const path = [...rest.filter((part, i) => part !== "" || i < rest.length - 1), ...file].join("/");
  if (!isSafePath(revision) || (path !== "" && !isSafePath(path))) throw bad();
  return { owner, name, revision, path };
}

/** `main/model.gguf` behind the @ is a revision and a file; revisions such as refs/pr/3 have slashes of their own. */
function afterAt(text: string): { readonly revision: string; readonly file: readonly string[] } {
  const parts = text.split("/");
  if (parts.length === 1 || !isWholeModel(text)) return { revision: text, file: [] };
  const ends = parts[0] === "refs" ? 3 : 1;
  return { revision: parts.slice(0, ends).join("/"), file: parts.slice(ends) };
}

/** Whether a path of names with `/` stays inside its folder on every system. */
export function isSafePath(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this refuses
  if (path.length > MOST_CHARACTERS || /[\\:*?"<>|\u0000-\u001f\u007f]/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** The reference as a user writes it, for messages. */
export function shownReference({ owner, name, revision, path }: HubReference): string {
  return `hf:${owner}/${name}${path === "" ? "" : `/${path}`}${revision === "main" ? "" : `@${revision}`}`;
}
