/** Asks the hub for versions of models and their files (huggingface_hub, "Hub API endpoints"). */
import { FormatError, RemoteError, UsageError } from "../../base/errors.ts";
import { asObject, type JsonValue, parseJsonBytes } from "../../base/json.ts";
import { isWholeModel } from "../given/whole-model.ts";
import { contentLength } from "../remote/content-range.ts";
import { HttpClient, type RemoteOptions, type RemotePlace, remotePlace, requireUrl } from "../remote/http-client.ts";
import { refusal } from "../remote/http-refusal.ts";
import { pourAll } from "../remote/pour.ts";
import { discard } from "../remote/range-reader.ts";
import { openRemote } from "../remote/remote-file.ts";
import { USUAL_NAMES } from "../remote/remote-folder.ts";
import { type ByteSource, joined } from "../source.ts";
import { hubError } from "./hub-errors.ts";
import { type HubReference, shownReference } from "./hub-reference.ts";
import { type HubFile, nextPage, readEtag, readSiblings, readTree } from "./hub-tree.ts";

export const HUB_ENDPOINT = "https://huggingface.co";
const COMMIT = /^[0-9a-f]{40}$/;
const MOST_LIST_BYTES = 64 * 1024 * 1024;
const MOST_FILES = 100_000;

export interface HubOptions extends RemoteOptions {
  /** The hub's address; https://huggingface.co by default. */
  readonly endpoint?: string;
  /** Sent to the endpoint's origin only. */
  readonly token?: string;
}

/** A repository at one commit. */
export interface HubVersion {
  readonly commit: string;
  readonly files: readonly HubFile[];
  /** False for a hub that lists no files: others than these may be there. */
  readonly isComplete: boolean;
}

/** Size and hash of a file, as its entry or its headers tell them. */
export interface HubFacts {
  readonly size: number;
  readonly etag: string;
}

export class HubClient {
  readonly #client: HttpClient;
  readonly #options: HubOptions;
  readonly #endpoint: URL;
  readonly #reference: HubReference;

  /** @throws UsageError for a token that cannot be sent, or an endpoint that is no URL. */
  constructor(reference: HubReference, options: HubOptions) {
    const { token } = options;
    if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
      throw new UsageError("HF_TOKEN", "a token with spaces or other characters that a header cannot hold", "a token");
    const login: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#options = { ...options, headers: { ...options.headers, ...login } };
    this.#client = new HttpClient(this.#options);
    this.#endpoint = requireUrl((options.endpoint ?? HUB_ENDPOINT).replace(/\/+$/, ""));
    this.#reference = reference;
  }

  /** The commit of the revision, and all files of it. @throws RemoteError for a repository or revision that is not there. */
  async version(): Promise<HubVersion> {
    const { revision } = this.#reference;
    const info = await this.#info();
    const tree = await this.#either(info?.commit ?? revision, (at) => this.#tree(at));
    const listed = tree?.files ?? info?.files ?? [];
    const commit = info?.commit ?? tree?.commit ?? (COMMIT.test(revision) ? revision : await this.#commitOf(listed[0]));
    if (commit === undefined) throw new FormatError(this.#where, "found no commit in the hub's answers, expected one");
    if (listed.length > 0) return { commit, files: listed, isComplete: true };
    const found = await Promise.all(this.#usualNames().map((path) => this.find(path, commit)));
    return { commit, files: found.flatMap((file) => file ?? []), isComplete: false };
  }

  /** A file that no list names, by its headers; undefined where there is none. */
  async find(path: string, commit: string): Promise<HubFile | undefined> {
    try {
      return { path, ...(await this.facts({ path, size: undefined, etag: undefined }, commit)) };
    } catch (error) {
      if (error instanceof RemoteError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Paths at which a model has its files, in the reference's folder. */
  #usualNames(): string[] {
    const { path } = this.#reference;
    if (isWholeModel(path)) return [path];
    return USUAL_NAMES.map((name) => (path === "" ? name : `${path}/${name}`));
  }

  /** Opens a file by ranges; the signal, or that of the options, ends its reads. @throws RemoteError if it is not there or has another size than the list says. */
  async open(file: HubFile, commit: string, signal?: AbortSignal): Promise<ByteSource> {
    const options = signal === undefined ? this.#options : { ...this.#options, signal };
    const source = await this.#either(commit, (at) => openRemote(this.#client, this.#place(file, at), options));
    if (file.size === undefined || file.size === source.size) return source;
    throw new RemoteError(source.name, `found ${source.size} bytes, expected ${file.size} as the hub's list says`);
  }

  /** Size and hash of a file; its headers are asked where the list does not tell them. */
  async facts(file: HubFile, commit: string): Promise<HubFacts> {
    if (file.size !== undefined && file.etag !== undefined) return { size: file.size, etag: file.etag };
    return this.#either(commit, (at) => this.#headerFacts(file, at));
  }

  async #headerFacts(file: HubFile, at: string): Promise<HubFacts> {
    const place = this.#place(file, at);
    const request = { method: "HEAD", headers: { "accept-encoding": "identity" }, staysAtHome: true } as const;
    const reply = await this.#client.send(place, request);
    await discard(reply);
    const { status, headers } = reply.response;
    if (status >= 400) throw refusal(place, reply.response);
    const linked = Number(headers.get("x-linked-size") ?? Number.NaN);
    const size = file.size ?? (Number.isSafeInteger(linked) ? linked : contentLength(headers));
    const etag = file.etag ?? readEtag(headers.get("x-linked-etag") ?? headers.get("etag") ?? undefined);
    if (size !== undefined && etag !== undefined) return { size, etag };
    throw new RemoteError(place.name, `found no ${size === undefined ? "size" : "hash"} of the file, expected one`);
  }

  /** Asks at the commit, and at the revision where a mirror knows no commits. The hash of what comes is checked in either case. */
  async #either<T>(commit: string, ask: (revision: string) => Promise<T>): Promise<T> {
    const { revision } = this.#reference;
    try {
      return await ask(commit);
    } catch (error) {
      if (commit === revision || !(error instanceof RemoteError) || error.status !== 404) throw error;
      return ask(revision).catch(() => {
        throw error;
      });
    }
  }

  get #where(): string {
    const { owner, name } = this.#reference;
    return `${this.#endpoint.host}/${owner}/${name}`;
  }

  #place(file: HubFile, revision: string): RemotePlace {
    const { owner, name } = this.#reference;
    const path = file.path.split("/").map(encodeURIComponent).join("/");
    return this.#at(`/${owner}/${name}/resolve/${encodeURIComponent(revision)}/${path}`, file.path);
  }

  #at(path: string, file?: string): RemotePlace {
    const where = file === undefined ? this.#where : `${this.#where}/${file}`;
    const { host } = this.#endpoint;
    const question = { where, host, revision: this.#reference.revision, hasToken: this.#options.token !== undefined };
    return remotePlace(new URL(`${this.#endpoint.href.replace(/\/+$/, "")}${path}`), (response) =>
      hubError(question, response),
    );
  }

  /** The commit of the revision; undefined for a hub that has no such address. */
  async #info(): Promise<HubVersion | undefined> {
    const { owner, name, revision } = this.#reference;
    const place = this.#at(`/api/models/${owner}/${name}/revision/${encodeURIComponent(revision)}`);
    const reply = await this.#json(place);
    if (reply === undefined) return undefined;
    const json = asObject(reply.json, place.name);
    const sha = json["sha"];
    if (typeof sha !== "string" || !COMMIT.test(sha))
      throw new FormatError(`${place.name}: sha`, "found no commit, expected 40 hexadecimal digits");
    return { commit: sha, files: readSiblings(json, place.name), isComplete: true };
  }

  /** All pages of the list of files; undefined for a hub that has no such address. */
  async #tree(revision: string): Promise<{ readonly files: HubFile[]; readonly commit?: string } | undefined> {
    const { owner, name } = this.#reference;
    const files: HubFile[] = [];
    const seen = new Set<string>();
    let place = this.#at(`/api/models/${owner}/${name}/tree/${encodeURIComponent(revision)}?recursive=true`);
    let commit: string | undefined;
    for (;;) {
      const reply = await this.#json(place);
      if (reply === undefined) return undefined;
      files.push(...readTree(reply.json, place.name));
      commit ??= commitIn(reply.headers);
      const next = nextPage(reply.headers.get("link"));
      if (next === undefined) return { files, commit };
      const url = new URL(next, place.url);
      // The token would go to the host of the next page.
      if (url.origin !== this.#endpoint.origin || seen.has(url.href) || files.length > MOST_FILES)
        throw new FormatError(place.name, "found a list of files that does not end, or goes on at another host");
      seen.add(url.href);
      place = { ...place, url, location: url };
    }
  }

  async #json(place: RemotePlace): Promise<{ readonly json: JsonValue; readonly headers: Headers } | undefined> {
    const attempts = this.#client.attempts(place);
    for (;;) {
      const reply = await this.#client.send(place, { headers: { accept: "application/json" } }, attempts);
      using _watchdog = reply.watchdog;
      const { response } = reply;
      if (!response.ok) {
        await discard(reply);
        const error = place.refuse?.(response);
        if (error === undefined && [404, 405, 501].includes(response.status)) return undefined;
        throw error ?? refusal(place, response);
      }
      const { pieces, bytes, broken } = await pourAll(reply, MOST_LIST_BYTES, place.name);
      if (broken === undefined)
        return { json: parseJsonBytes(joined(pieces, bytes), place.name), headers: response.headers };
      await attempts.again({ problem: `the connection was cut (${broken})` });
    }
  }

  /** The commit that the headers of a file name, for a hub without the lists. */
  async #commitOf(
    file: HubFile = { path: "config.json", size: undefined, etag: undefined },
  ): Promise<string | undefined> {
    const place = this.#place(file, this.#reference.revision);
    const reply = await this.#client.send(place, { method: "HEAD", staysAtHome: true });
    await discard(reply);
    const { response } = reply;
    if (response.status === 404 && place.refuse?.(response) === undefined)
      throw new RemoteError(this.#where, `found no model ${shownReference(this.#reference)} on this hub`, {
        status: 404,
      });
    if (response.status >= 400) throw refusal(place, response);
    return commitIn(response.headers);
  }
}

function commitIn(headers: Headers): string | undefined {
  const commit = headers.get("x-repo-commit") ?? "";
  return COMMIT.test(commit) ? commit : undefined;
}
