/** A model of the hub as a folder, kept in the cache on disk that other programs of the hub share. */
import { FileError, FormatError, RemoteError } from "../../base/errors.ts";
import { HubClient, type HubOptions, type HubVersion } from "../../files/hub/hub-client.ts";
import { checkHubName, type HubModel, inRepository, isWeights, modelOf } from "../../files/hub/hub-files.ts";
import { type HubReference, parseHubReference, shownReference } from "../../files/hub/hub-reference.ts";
import type { HubFile } from "../../files/hub/hub-tree.ts";
import type { ByteSource, FolderSource, PrepareRun } from "../../files/source.ts";
import { nodeFile, nodeTree } from "../node.ts";
import { CachePlace } from "./cache-place.ts";
import { fetchBlob } from "./fetch-blob.ts";
import { type HubEnvironment, hubEnvironment } from "./hub-environment.ts";
import { LazyFile } from "./lazy-file.ts";

/** A file that is no weights and larger than this is refused before it is downloaded. */
const MOST_SMALL_BYTES = 512 * 1024 * 1024;
/** With a version on the disk, a hub that cannot be reached is tried so often. */
const ATTEMPTS_IF_CACHED = 2;

export interface CachedHubOptions extends HubOptions {
  /** The settings; those of the environment by default. */
  readonly environment?: HubEnvironment;
}

/**
 * @param reference `hf:OWNER/NAME[/FILE.gguf][@REVISION]`
 * @returns a folder that downloads a file when it is opened; weights are read by ranges until `prepare` brings them to the disk.
 * @throws UsageError for another form, or a repository of several models; RemoteError where the hub does not give it, FileError
 * offline where the cache does not have it.
 */
export async function cachedHubFolder(reference: string, options: CachedHubOptions = {}): Promise<FolderSource> {
  const parsed = parseHubReference(reference);
  const { environment = hubEnvironment(), ...rest } = options;
  const { cache, offline, endpoint, token } = environment;
  const place = new CachePlace(cache, parsed);
  const known = await snapshotIn(place, parsed);
  if (offline) return cachedOnly(place, parsed, known);
  const settings = { endpoint, token, ...withoutUndefined(rest) };
  try {
    const retry = known === undefined ? rest.retry : { ...rest.retry, attempts: ATTEMPTS_IF_CACHED };
    const version = await new HubClient(parsed, { ...settings, retry }).version();
    await place.keepRef(parsed.revision, version.commit);
    return new HubCacheFolder(place, parsed, { client: new HubClient(parsed, settings), version, signal: rest.signal });
  } catch (error) {
    // An answer of the hub is an answer; only a hub that cannot be reached is replaced by the cache.
    if (known === undefined || !(error instanceof RemoteError) || error.status !== undefined) throw error;
    options.onWarning?.(`${shownReference(parsed)}: the hub cannot be reached, so the version in the cache is used`);
    return cachedOnly(place, parsed, known);
  }
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

interface Online {
  readonly client: HubClient;
  readonly version: HubVersion;
  readonly signal: AbortSignal | undefined;
}

class HubCacheFolder implements FolderSource {
  readonly name: string;
  readonly #place: CachePlace;
  readonly #online: Online;
  readonly #model: HubModel;
  readonly #opened: ByteSource[] = [];

  constructor(place: CachePlace, reference: HubReference, online: Online) {
    this.#model = modelOf(reference, online.version.files);
    this.name = shownReference(reference);
    this.#place = place;
    this.#online = online;
  }

  async list(): Promise<string[]> {
    return [...this.#model.listed];
  }

  async open(name: string): Promise<ByteSource | undefined> {
    checkHubName(this.name, name);
    const { client, version } = this.#online;
    const { isComplete, commit } = version;
    const known = this.#model.files.get(name);
    const file = known ?? (isComplete ? undefined : await client.find(inRepository(this.#model, name), commit));
    if (file === undefined) return undefined;
    const source = await this.#source(file, `${this.name}/${name}`);
    this.#opened.push(source);
    return source;
  }

  async close(): Promise<void> {
    for (const source of this.#opened.splice(0)) await source.close?.();
  }

  async #source(file: HubFile, where: string): Promise<ByteSource> {
    const { client, version, signal } = this.#online;
    const { size, etag: hash } = await client.facts(file, version.commit);
    const known = { ...file, size };
    const onDisk = async (run: PrepareRun): Promise<ByteSource> => {
      const open = (ended: AbortSignal) => client.open(known, version.commit, ended);
      await fetchBlob({ place: this.#place, hash, size, open }, run);
      return nodeFile(await this.#place.name(hash, version.commit, file.path));
    };
    if (await this.#place.hasBlob(hash, size)) return onDisk({ signal });
    if (isWeights(file.path))
      return new LazyFile({ name: where, size, remote: () => client.open(known, version.commit), onDisk });
    if (size > MOST_SMALL_BYTES)
      throw new FormatError(
        where,
        `found ${size} bytes, expected at most ${MOST_SMALL_BYTES} in a file without weights`,
      );
    return onDisk({ signal });
  }
}

/** The commit of the revision, if the cache has files of it. */
async function snapshotIn(place: CachePlace, { revision }: HubReference): Promise<string | undefined> {
  const commit = await place.commitOf(revision);
  if (commit === undefined) return undefined;
  const tree = await nodeTree(place.snapshot(commit)).catch(() => undefined);
  return tree === undefined ? undefined : commit;
}

/** The files that the cache has of the version. */
async function cachedOnly(
  place: CachePlace,
  reference: HubReference,
  commit: string | undefined,
): Promise<FolderSource> {
  const name = shownReference(reference);
  if (commit === undefined)
    throw new FileError(
      name,
      `found no such version in the hub's cache (${place.root}), expected one since HF_HUB_OFFLINE forbids to download it`,
    );
  const tree = await nodeTree(place.snapshot(commit));
  const all = (await tree.list()).map((path) => ({ path, size: undefined, etag: undefined }));
  const { files, listed } = modelOf(reference, all);
  return {
    name,
    list: async () => [...listed],
    async open(file) {
      checkHubName(name, file);
      const found = files.get(file);
      return found === undefined ? undefined : tree.open(found.path);
    },
    close: () => tree.close(),
  };
}
