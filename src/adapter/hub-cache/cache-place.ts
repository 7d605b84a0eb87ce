/**
 * The layout of the hub's cache on disk, which other programs share: `models--OWNER--NAME/` with `blobs/HASH`, `refs/BRANCH` (the
 * commit), and `snapshots/COMMIT/FILE`, a relative link to the blob (huggingface_hub, "Understand caching").
 */
import { copyFile, mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { HubReference } from "../../files/hub/hub-reference.ts";
import { errorCode, withFileErrors } from "../file-errors.ts";
import { lifeText, ownLife } from "../process-life.ts";

/** What systems and disks without symbolic links answer. */
const NO_LINKS = ["EPERM", "EACCES", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EINVAL", "UNKNOWN"];
const COMMIT = /^[0-9a-f]{40}$/;

export type MakeLink = (target: string, path: string) => Promise<void>;

export class CachePlace {
  readonly root: string;
  readonly #locks: string;
  readonly #link: MakeLink;

  /** @param link makes a symbolic link; the system's own by default. */
  constructor(cache: string, { owner, name }: HubReference, link: MakeLink = symlink) {
    const folder = `models--${owner}--${name}`;
    this.root = join(cache, folder);
    this.#locks = join(cache, ".locks", folder);
    this.#link = link;
  }

  blob(hash: string): string {
    return join(this.root, "blobs", hash);
  }

  /** The file that is locked while a blob is written. Its name differs from other programs': they lock in another way. */
  lock(hash: string): string {
    return join(this.#locks, `${hash}.quern`);
  }

  /** @param path the file's path in the repository, which is checked already. */
  snapshot(commit: string, path: string = ""): string {
    return join(this.root, "snapshots", commit, ...path.split("/"));
  }

  /** The commit of a revision when it was last asked for; undefined where it never was. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (COMMIT.test(revision)) return revision;
    const text = await readFile(join(this.root, "refs", ...revision.split("/")), "utf8").catch(() => "");
    return COMMIT.test(text.trim()) ? text.trim() : undefined;
  }

  async keepRef(revision: string, commit: string): Promise<void> {
    if (revision === commit || (await this.commitOf(revision)) === commit) return;
    const path = join(this.root, "refs", ...revision.split("/"));
    await whole(path, (temporary) => writeFile(temporary, commit));
  }

  /** Whether a blob of this size is there. */
  async hasBlob(hash: string, size: number): Promise<boolean> {
    return (await sizeOf(this.blob(hash))) === size;
  }

  /** Gives a blob its name in a snapshot: a relative link, or a copy where the disk has no links. Returns the path. */
  async name(hash: string, commit: string, path: string): Promise<string> {
    const blob = this.blob(hash);
    const place = this.snapshot(commit, path);
    const size = await sizeOf(blob);
    if (size !== undefined && (await sizeOf(place)) === size) return place;
    await whole(place, async (temporary) => {
      try {
        await this.#link(relative(dirname(place), blob), temporary);
      } catch (cause) {
        if (!NO_LINKS.includes(errorCode(cause) ?? "UNKNOWN")) throw cause;
        await copyFile(blob, temporary);
      }
    });
    return place;
  }
}

/** Makes a file under a temporary name, and renames it: other processes see it whole or not at all. */
async function whole(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${lifeText(ownLife())}.tmp`;
  await withFileErrors(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await rm(temporary, { force: true });
    try {
      await make(temporary);
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  });
}

/** Bytes of a file, or of the one that a link leads to; undefined for what is not there. */
export async function sizeOf(path: string): Promise<number | undefined> {
  const status = await stat(path).catch(() => undefined);
  return status?.isFile() ? status.size : undefined;
}
