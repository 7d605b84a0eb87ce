import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CachePlace, type MakeLink } from "../../../src/adapter/hub-cache/cache-place.ts";

const COMMIT = "a".repeat(40);
const HASH = "b".repeat(40);
let cache: string;
const place = (link?: MakeLink) => new CachePlace(cache, { owner: "o", name: "n", revision: "main", path: "" }, link);

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), "quern-cache-"));
  mkdirSync(join(place().root, "blobs"), { recursive: true });
  writeFileSync(place().blob(HASH), "content");
});
afterEach(() => rmSync(cache, { recursive: true }));

describe("CachePlace", () => {
  it("links files of folders with as many steps as they need", async () => {
    const path = await place().name(HASH, COMMIT, "a/b.json");
    expect(path).toBe(join(cache, "models--o--n/snapshots", COMMIT, "a/b.json"));
    expect(readFileSync(path, "utf8")).toBe("content");
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
  });

  it("copies where the disk has no links, and fails where it is broken", async () => {
    const fails = (code: string) => async () => {
      throw Object.assign(new Error(code), { code });
    };
    const path = await place(fails("EPERM")).name(HASH, COMMIT, "b.json");
    expect(lstatSync(path).isSymbolicLink()).toBe(false);
    expect(readFileSync(path, "utf8")).toBe("content");
    await expect(place(fails("ENOSPC")).name(HASH, COMMIT, "c.json")).rejects.toMatchObject({ code: "FILE" });
    expect(readdirSync(join(place().root, "snapshots", COMMIT))).toEqual(["b.json"]);
  });

  it("replaces a link that leads nowhere", async () => {
    const path = place().snapshot(COMMIT, "b.json");
    mkdirSync(place().snapshot(COMMIT), { recursive: true });
    symlinkSync("../../blobs/none", path);
    await place().name(HASH, COMMIT, "b.json");
    expect(readFileSync(path, "utf8")).toBe("content");
  });

  it("keeps refs, and passes over one that is no commit", async () => {
    await place().keepRef("refs/pr/3", COMMIT);
    expect(await place().commitOf("refs/pr/3")).toBe(COMMIT);
    expect(readFileSync(join(place().root, "refs/refs/pr/3"), "utf8")).toBe(COMMIT);
    writeFileSync(join(place().root, "refs/main"), "../../../etc");
    expect(await place().commitOf("main")).toBeUndefined();
    expect(await place().commitOf(COMMIT)).toBe(COMMIT);
  });
});
