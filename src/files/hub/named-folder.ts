/** The folder of a model that is named by a URL or by its name on the hub, read by ranges. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { RemoteOptions } from "../remote/http-client.ts";
import type { FolderSource } from "../source.ts";
import type { HubOptions } from "./hub-client.ts";
import { hubReferenceOf, isHubReference } from "./hub-reference.ts";

/** Options for models that are read from a server. */
export interface RemoteSettings {
  /** Headers for the server of a URL, such as a login. They are not sent to hosts that it redirects to. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The hub's address and a token for it. On Node, Deno and Bun they default to `HF_ENDPOINT` and `HF_TOKEN`. */
  readonly endpoint?: string;
  readonly token?: string;
  /** The most bytes of one file that are taken from a server that cannot send parts of it; 2 GiB by default. */
  readonly maxDownloadBytes?: number;
}

/** What a call that opens a model brings with it. */
export interface OpeningRun extends Pick<RemoteOptions, "signal" | "onWarning"> {
  readonly remote?: RemoteSettings;
}

const KNOWN: KnownOptions<RemoteSettings> = { headers: true, endpoint: true, token: true, maxDownloadBytes: true };

/** What names a model on a server. */
export type RemoteName = URL | `http://${string}` | `https://${string}` | `hf:${string}`;

/** Whether this names a model on a server: an `http:` or `https:` URL, or `hf:OWNER/NAME`. */
export function isRemoteName(source: unknown): source is string | URL {
  if (source instanceof URL) return /^https?:$/.test(source.protocol);
  return typeof source === "string" && (/^https?:\/\//i.test(source) || isHubReference(source));
}

/** @throws UsageError for options that are unknown or of another type. */
export function remoteOptions({ signal, onWarning, remote = {} }: OpeningRun): HubOptions {
  checkKnownOptions("loadModel: remote", remote, KNOWN);
  const { maxDownloadBytes } = remote;
  if (maxDownloadBytes !== undefined && !(Number.isSafeInteger(maxDownloadBytes) && maxDownloadBytes > 0))
    throw new UsageError("remote.maxDownloadBytes", String(maxDownloadBytes), "a number of bytes");
  return { ...remote, signal, onWarning };
}

/** @param source what `isRemoteName` accepts. */
export async function namedFolder(source: string | URL, run: OpeningRun): Promise<FolderSource> {
  const options = remoteOptions(run);
  const reference = hubReferenceOf(source);
  // The clients are twenty modules, which most models do not need.
  if (reference === undefined) return (await import("../remote/remote-folder.ts")).remoteFolder(source, options);
  return (await import("./hub-folder.ts")).hubFolder(reference, options);
}
