import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FormatError } from "../../../../src/base/errors.ts";
import { asStoredFile, fetchFile, keepFile } from "../../../../src/cli/sweep/store/blobs.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";

describe("files in a store by their hash", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-blobs-"));
    writeFileSync(join(folder, "file"), "some bytes");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are copied once, and back", async () => {
    const store = folderStore(join(folder, "store"));
    const blob = await keepFile(store, join(folder, "file"));
    expect(blob).toEqual({ sha256: createHash("sha256").update("some bytes").digest("hex"), bytes: 10 });
    const { ino } = statSync(join(folder, "store/blobs", blob.sha256));
    await keepFile(store, join(folder, "file"));
    expect(statSync(join(folder, "store/blobs", blob.sha256)).ino).toBe(ino);
    await fetchFile(store, blob, join(folder, "copy"));
    expect(readFileSync(join(folder, "copy"), "utf8")).toBe("some bytes");
  });

  it("are refused where the bytes are others", async () => {
    const store = folderStore(join(folder, "store"));
    const blob = await keepFile(store, join(folder, "file"));
    writeFileSync(join(folder, "store/blobs", blob.sha256), "other bytes");
    await expect(fetchFile(store, blob, join(folder, "copy"))).rejects.toThrow(FormatError);
    expect(existsSync(join(folder, "copy"))).toBe(false);
  });

  it("must be named by a hash: nothing else of the store can be asked for", () => {
    for (const wrong of [undefined, {}, { sha256: "../../etc/passwd", bytes: 1 }, { sha256: "a".repeat(64) }])
      expect(() => asStoredFile(wrong, "here")).toThrow("here: found no SHA-256 and bytes of a file");
  });
});
