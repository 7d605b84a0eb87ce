/** A local server that behaves like the hub: lists of files, redirects of large files to a second server, ranges, faults on demand. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface SeenRequest {
  readonly side: "hub" | "cdn";
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
}

/** What goes wrong with one response. */
export interface Fault {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** The connection is destroyed after so many bytes of the body. */
  readonly cutAfter?: number;
  /** The connection ends in order after so many bytes, with a length that fits. */
  readonly stopAfter?: number;
  /** The whole file, whatever range was asked for. */
  readonly noRange?: boolean;
  /** Bytes of the file from then on. */
  readonly content?: Uint8Array;
}

export interface HubServerOptions {
  readonly repo?: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Without this token the hub answers 401. */
  readonly token?: string;
  /** Files on a page of the list. */
  readonly pageSize?: number;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
/** Files of this size and more are stored as LFS, on the second server. */
const LFS_BYTES = 100_000;

export class HubServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly options: HubServerOptions;
  /** Decides what goes wrong; nothing by default. */
  fault: (request: SeenRequest, number: number) => Fault | undefined = () => undefined;
  readonly #hub: Server;
  readonly #cdn: Server;

  static async start(options: HubServerOptions): Promise<HubServer> {
    const server = new HubServer(options);
    for (const each of [server.#hub, server.#cdn])
      await new Promise<void>((resolve) => each.listen(0, "127.0.0.1", resolve));
    return server;
  }

  private constructor(options: HubServerOptions) {
    this.options = options;
    this.#hub = createServer((request, response) => this.#answer("hub", request, response));
    this.#cdn = createServer((request, response) => this.#answer("cdn", request, response));
  }

  get url(): string {
    return addressOf(this.#hub);
  }

  get cdnUrl(): string {
    return addressOf(this.#cdn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.#hub, this.#cdn]) {
      each.closeAllConnections();
      await new Promise((resolve) => each.close(resolve));
    }
  }

  #answer(side: "hub" | "cdn", request: IncomingMessage, response: ServerResponse): void {
    const { method = "GET", url: path = "/", headers } = request;
    const seen = { side, method, path, headers };
    this.requests.push(seen);
    const fault = this.fault(seen, this.requests.length);
    if (fault?.status !== undefined) {
      response.writeHead(fault.status, { ...fault.headers }).end("no");
      return;
    }
    const at = new URL(path, this.url).pathname;
    const { token, repo = "owner/name" } = this.options;
    if (side === "cdn") this.#send(seen, response, { path: at.slice(1), fault });
    else if (at.startsWith("/files/")) this.#send(seen, response, { path: at.slice(7), fault });
    else if (token !== undefined && headers.authorization !== `Bearer ${token}`)
      response.writeHead(401, { "x-error-code": "GatedRepo" }).end();
    else if (at.startsWith(`/api/models/${repo}/revision/`)) this.#revision(at, response);
    else if (at.startsWith(`/api/models/${repo}/tree/`)) this.#tree(path, response);
    else if (at.startsWith(`/${repo}/resolve/`)) this.#resolve(seen, response, fault);
    else response.writeHead(404, { "x-error-code": "RepoNotFound" }).end();
  }

  #revision(at: string, response: ServerResponse): void {
    const revision = decodeURIComponent(at.split("/").pop() ?? "");
    if (!["main", "v1", COMMIT].includes(revision)) {
      response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end();
      return;
    }
    const siblings = Object.keys(this.options.files).map((rfilename) => ({ rfilename }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ sha: COMMIT, siblings }));
  }

  #tree(path: string, response: ServerResponse): void {
    const url = new URL(path, this.url);
    const all = Object.entries(this.options.files).map(([name, bytes]) => treeEntry(name, bytes));
    const { pageSize = 1000 } = this.options;
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const next = new URL(url);
    next.searchParams.set("cursor", String(start + pageSize));
    const more = start + pageSize < all.length ? { link: `<${next.href}>; rel="next"` } : {};
    response.writeHead(200, { "content-type": "application/json", ...more });
    response.end(JSON.stringify(all.slice(start, start + pageSize)));
  }

  #resolve(seen: SeenRequest, response: ServerResponse, fault: Fault | undefined): void {
    const path = decodeURIComponent(new URL(seen.path, this.url).pathname.split("/").slice(5).join("/"));
    const bytes = this.options.files[path];
    if (bytes === undefined) {
      response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
      return;
    }
    const etag = etagOf(bytes);
    if (bytes.length < LFS_BYTES) {
      this.#send(seen, response, { path, fault });
      return;
    }
    const linked = { "x-repo-commit": COMMIT, "x-linked-etag": `"${etag}"`, "x-linked-size": String(bytes.length) };
    response.writeHead(302, { location: `${this.cdnUrl}/${path}?signature=secret`, ...linked }).end();
  }

  #send(
    seen: SeenRequest,
    response: ServerResponse,
    { path, fault }: { path: string; fault: Fault | undefined },
  ): void {
    const bytes = fault?.content ?? this.options.files[decodeURIComponent(path)];
    if (bytes === undefined) {
      response.writeHead(404).end("no such file");
      return;
    }
    const etag = `"${etagOf(bytes)}"`;
    const { range, "if-range": tag } = seen.headers;
    const wanted = /^bytes=(\d+)-(\d+)$/.exec(range ?? "");
    const base = { etag, "x-repo-commit": COMMIT };
    if (wanted === null || fault?.noRange === true || (tag !== undefined && tag !== etag)) {
      response.writeHead(200, { ...base, "content-length": bytes.length, ...fault?.headers });

      body(response, seen.method === "HEAD" ? new Uint8Array() : bytes, fault);
      return;
    }
    const [first, last] = [Number(wanted[1]), Math.min(Number(wanted[2]), bytes.length - 1)];
    if (first >= bytes.length) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    const length = fault?.stopAfter ?? last - first + 1;
    const found = { "content-range": `bytes ${first}-${last}/${bytes.length}`, "content-length": length };
    response.writeHead(206, { ...base, ...found, ...fault?.headers });
    body(response, bytes.subarray(first, last + 1), fault);
  }
}

function body(response: ServerResponse, bytes: Uint8Array, fault: Fault | undefined): void {
  if (fault?.stopAfter !== undefined) {
    response.end(bytes.subarray(0, fault.stopAfter));
    return;
  }
  if (fault?.cutAfter === undefined) {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, fault.cutAfter), () => response.destroy());
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The entry of a file in the hub's list: an LFS file has two hashes, of which the second is its content's. */
function treeEntry(path: string, bytes: Uint8Array): object {
  const size = bytes.length;
  if (size < LFS_BYTES) return { type: "file", path, size, oid: etagOf(bytes) };
  return { type: "file", path, size, oid: "f".repeat(40), lfs: { oid: etagOf(bytes), size, pointerSize: 134 } };
}

const etags = new WeakMap<Uint8Array, string>();

/** Git's hash of a small file, SHA-256 of a large one, as the hub gives them. */
export function etagOf(bytes: Uint8Array): string {
  const etag = etags.get(bytes) ?? hashOf(bytes);
  etags.set(bytes, etag);
  return etag;
}

function hashOf(bytes: Uint8Array): string {
  if (bytes.length >= LFS_BYTES) return createHash("sha256").update(bytes).digest("hex");
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}
