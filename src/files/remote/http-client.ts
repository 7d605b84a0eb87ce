/**
 * Requests with redirects and retries. Headers of the caller, which may hold a token, go to the first address's origin only,
 * whatever hosts it redirects to.
 */
import { RemoteError, UsageError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import { Attempts, type RetryRule, retryAfterMs, retryRule } from "./attempts.ts";
import { Watchdog } from "./watchdog.ts";

const MOST_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];
const WORTH_A_RETRY = [408, 425, 429, 500, 502, 503, 504];

/** Options of everything that reads from a server. */
export interface RemoteOptions {
  readonly signal?: AbortSignal;
  /** Sent to the origin of the first address, and to no other one. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly onWarning?: (sentence: string) => void;
  /** The most bytes of one file that are taken from a server that cannot send parts of it; 2 GiB by default. */
  readonly maxDownloadBytes?: number;
  /** Makes the requests; the runtime's own by default. */
  readonly fetch?: typeof fetch;
  readonly retry?: Partial<RetryRule>;
}

/** An address and where it led to last, so that later requests need not be redirected again. */
export interface RemotePlace {
  /** The address for messages, without query and credentials. */
  readonly name: string;
  readonly url: URL;
  location: URL;
  /** The error for an answer that is no file; undefined where the status says enough. */
  readonly refuse?: (response: Response) => RemoteError | undefined;
}

/** @throws RemoteError for an address that is not http: or https:. */
export function remotePlace(address: URL, refuse?: RemotePlace["refuse"]): RemotePlace {
  const url = requireHttp(address, shownUrl(address));
  return { name: shownUrl(url), url, location: url, refuse };
}

/** @throws UsageError for a text that is no URL. */
export function requireUrl(url: string | URL): URL {
  if (url instanceof URL || URL.canParse(url)) return new URL(url);
  throw new UsageError("model", quoted(url), "a URL such as https://host/folder/");
}

/** The address without query, fragment and credentials: they may hold secrets. */
export function shownUrl(url: URL): string {
  return `${url.origin === "null" ? url.protocol : url.origin}${url.pathname}`;
}

/** A response, all of whose redirects were followed. `hops` has the headers of each response on the way, the last one first. */
export interface Reply {
  readonly response: Response;
  readonly hops: readonly Headers[];
  readonly watchdog: Watchdog;
}

export interface HttpRequest {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Gives a redirect to another origin as it is: a signed address may be for GET only. */
  readonly staysAtHome?: boolean;
}

export class HttpClient {
  readonly rule: RetryRule;
  readonly #fetch: typeof fetch;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signal: AbortSignal | undefined;
  /** Pages cannot see where a redirect leads. There the browser follows it, and drops the token at another origin itself. */
  #redirect: "manual" | "follow" = "manual";

  constructor(options: RemoteOptions) {
    this.rule = retryRule(options.retry);
    this.#fetch = options.fetch ?? ((...args) => fetch(...args));
    this.#headers = options.headers ?? {};
    this.#signal = options.signal;
  }

  /**
   * One request whose status is not worth another attempt. The caller reads the body and disposes the watchdog.
   * @throws RemoteError when all attempts failed.
   */
  async send(
    place: RemotePlace,
    request: HttpRequest = {},
    attempts: Attempts = this.attempts(place, request.signal),
  ): Promise<Reply> {
    let { headers } = request;
    for (;;) {
      const watchdog = new Watchdog(this.rule.idleMs, request.signal ?? this.#signal);
      let keep = false;
      try {
        const reply = await this.#follow(place, { ...request, headers }, watchdog);
        const { status } = reply.response;
        keep = !WORTH_A_RETRY.includes(status);
        if (keep) return reply;
        await reply.response.body?.cancel();
        const askedMs = retryAfterMs(reply.response.headers.get("retry-after"));
        await attempts.again({ problem: `the server answered ${status}`, status, askedMs });
      } catch (cause) {
        if (cause instanceof RemoteError) throw cause;
        place.location = place.url;
        // A page may not send If-Range to a server that does not allow it; the tags are compared anyway.
        headers = without(headers, "if-range");
        await attempts.again({ problem: `the connection failed (${reasonOf(cause)})`, cause });
      } finally {
        if (!keep) watchdog[Symbol.dispose]();
      }
    }
  }

  attempts(place: RemotePlace, signal: AbortSignal | undefined = this.#signal): Attempts {
    return new Attempts(place.name, this.rule, signal);
  }

  async #follow(
    place: RemotePlace,
    { method = "GET", headers, staysAtHome = false }: HttpRequest,
    watchdog: Watchdog,
  ): Promise<Reply> {
    const hops: Headers[] = [];
    let url = place.location;
    while (hops.length <= MOST_REDIRECTS) {
      const own = url.origin === place.url.origin ? this.#headers : {};
      const response = await this.#fetch(url, {
        method,
        headers: { ...headers, ...own },
        redirect: this.#redirect,
        signal: watchdog.signal,
      });
      watchdog.alive();
      if (response.type === "opaqueredirect") {
        this.#redirect = "follow";
        continue;
      }
      hops.unshift(response.headers);
      const location = response.headers.get("location");
      const isFinal = !REDIRECTS.includes(response.status) || location === null;
      const isAway = staysAtHome && location !== null && redirected(location, url, place).origin !== url.origin;
      if (isFinal || isAway) {
        place.location = response.redirected ? new URL(response.url) : url;
        return { response, hops, watchdog };
      }
      await response.body?.cancel();
      url = redirected(location, url, place);
    }
    throw new RemoteError(place.name, `found more than ${MOST_REDIRECTS} redirects, expected a file`);
  }
}

function redirected(location: string, from: URL, place: RemotePlace): URL {
  if (!URL.canParse(location, from.href))
    throw new RemoteError(place.name, "found a redirect to an address that is no URL");
  return requireHttp(new URL(location, from), place.name);
}

function requireHttp(url: URL, name: string): URL {
  if (url.protocol === "http:" || url.protocol === "https:") return url;
  throw new RemoteError(name, `found an address that begins with ${url.protocol}, expected http: or https:`);
}

function without(
  headers: Readonly<Record<string, string>> | undefined,
  name: string,
): Readonly<Record<string, string>> | undefined {
  if (headers === undefined) return undefined;
  return Object.fromEntries(Object.entries(headers).filter(([key]) => key.toLowerCase() !== name));
}

/** The system's word for what failed, such as ECONNREFUSED: `fetch failed` alone says nothing. */
export function reasonOf(cause: unknown): string {
  const inner = (cause as { cause?: { code?: unknown; message?: unknown } } | null)?.cause;
  const word = inner?.code ?? inner?.message ?? (cause as Error | null)?.message;
  return typeof word === "string" && word !== "" ? word : String(cause);
}
