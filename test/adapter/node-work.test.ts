import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { nodeResumable, nodeWorkFolder, type ResumableOptions } from "../../src/adapter/node-work.ts";
import type { OutputFolder } from "../../src/files/output.ts";
import type { WorkFolder } from "../../src/files/work-folder.ts";
import { fullDisk } from "../helpers/full-disk.ts";

let root: string;
let path: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "quern-work-"));
  path = join(root, "out");
  return () => rm(root, { recursive: true });
});

const bytes = (text: string) => new TextEncoder().encode(text);

async function keep(work: WorkFolder, name: string, text: string): Promise<void> {
  await using file = await work.file(name);
  await file.write(bytes(text));
  await file.commit();
}

async function put(output: OutputFolder, name: string, text: string): Promise<void> {
  const sink = await output.file(name);
  await sink.write(bytes(text));
  await sink.close();
}

describe("nodeWorkFolder", () => {
  it("is made with its first file, and shows whole files only", async () => {
    const work = nodeWorkFolder(path);
    expect(await work.list()).toEqual([]);
    expect(await work.open("a")).toBeUndefined();
    expect(await readdir(root)).toEqual([]);
    const half = await work.file("b");
    await half.write(bytes("half"));
    await keep(work, "a", "old");
    await keep(work, "a", "first");
    expect(await work.list()).toEqual(["a"]);
    const source = (await work.open("a"))!;
    expect(source.size).toBe(5);
    await source.close?.();
    await half.abort();
    expect(await readdir(path)).toEqual(["a"]);
  });

  it("removes what it is told, what was left half-written, and itself where it is empty", async () => {
    const work = nodeWorkFolder(path);
    await keep(work, "a", "first");
    await writeFile(join(path, ".b.0123abcd.partial"), "of a killed run");
    await writeFile(join(path, "notes.txt"), "somebody's");
    await work.remove(["a", "missing"]);
    expect(await readdir(path)).toEqual(["notes.txt"]);
    await rm(join(path, "notes.txt"));
    await work.remove([]);
    await work.remove([]);
    expect(await readdir(root)).toEqual([]);
  });

  it("takes plain names only", async () => {
    const work = nodeWorkFolder(path);
    await expect(work.open("../a")).rejects.toMatchObject({ code: "FILE" });
    await expect(work.file("a/b")).rejects.toMatchObject({ code: "FILE" });
  });
});

describe("nodeResumable", () => {
  it("leaves nothing of a run that kept nothing", async () => {
    const { output } = await nodeResumable(join(root, "new", "out"));
    await put(output, "a", "half");
    await output.abort();
    expect(await readdir(root)).toEqual([]);
  });

  it("keeps the work of a run that fails, and is one folder when all is done", async () => {
    const { output, work } = await nodeResumable(path);
    await keep(work, "layer", "kept");
    await put(output, "a", "half");
    await output.abort();
    expect(await readdir(root)).toEqual(["out.partial"]);
    expect(await readdir(join(root, "out.partial"))).toEqual(["layer"]);
    const again = await nodeResumable(path, { resume: true });
    expect(await again.work.list()).toEqual(["layer"]);
    await put(again.output, "a", "whole");
    await again.output.commit();
    await again.work.remove(["layer"]);
    expect(await readdir(root)).toEqual(["out"]);
    expect(await readFile(join(path, "a"), "utf8")).toBe("whole");
  });

  it.each(["out", "out/", "./out"])("refuses to begin over interrupted work (%s)", async (name) => {
    await keep(nodeWorkFolder(`${path}.partial`), "layer", "kept");
    const begin = (options?: ResumableOptions) => nodeResumable(`${root}/${name}`, options);
    await expect(begin()).rejects.toMatchObject({ code: "FILE" });
    await expect(begin()).rejects.toThrow(
      "out.partial: found the work of an interrupted run; go on with --resume, or begin anew with --force",
    );
    const { output, work } = await begin({ force: true });
    expect(await work.list()).toEqual(["layer"]);
    await output.abort();
    expect(await readdir(root)).toEqual(["out.partial"]);
  });

  it("refuses an output that exists, resumed or not", async () => {
    await mkdir(path);
    await expect(nodeResumable(path)).rejects.toThrow("exists, expected a new folder");
    await expect(nodeResumable(path, { resume: true })).rejects.toThrow("exists, expected a new folder");
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("clears what a run left that was killed while it wrote its output", async () => {
    const killed = await nodeResumable(path);
    await put(killed.output, "a", "half");
    const { output } = await nodeResumable(path, { resume: true });
    await put(output, "b", "whole");
    await output.commit();
    expect(await readdir(path)).toEqual(["b"]);
  });

  it("goes on after a kill between the output's name and the end", async () => {
    const killed = await nodeResumable(path);
    await keep(killed.work, "layer", "kept");
    await put(killed.output, "a", "whole");
    await killed.output.commit();
    expect(await readdir(join(root, "out.partial"))).toEqual(["layer", "output.whole"]);
    // Twice: the run that goes on may be killed as well.
    await nodeResumable(path, { resume: true });
    const { output, work } = await nodeResumable(path, { resume: true });
    await put(output, "a", "whole");
    await output.commit();
    await work.remove(["layer"]);
    expect(await readdir(root)).toEqual(["out"]);
    await expect(nodeResumable(path, { resume: true })).rejects.toThrow("exists, expected a new folder");
  });

  it("never takes an older output for its own", async () => {
    await mkdir(path);
    const killed = await nodeResumable(path, { force: true });
    await put(killed.output, "a", "whole");
    // Killed just before the rename.
    await writeFile(join(root, "out.partial", "output.whole"), "");
    await expect(nodeResumable(path, { resume: true })).rejects.toThrow("exists, expected a new folder");
  });

  it("never takes an older output for its own after a disk that was full at the very end", async () => {
    await mkdir(path);
    await writeFile(join(path, "old"), "");
    const full = await nodeResumable(path, { force: true });
    await put(full.output, "a", "whole");
    {
      using _ = await fullDisk(0);
      await expect(full.output.commit()).rejects.toThrow("output.whole: the disk is full");
    }
    await full.output.abort();
    expect(await readdir(root)).toEqual(["out"]);
    await expect(nodeResumable(path, { resume: true })).rejects.toThrow("exists, expected a new folder");
    await (await nodeResumable(path, { resume: true, force: true })).output.abort();
    expect(await readdir(path)).toEqual(["old"]);
  });

  it.each([false, true])(
    "brings an older output back that was about to be replaced (new one named: %s)",
    async (named) => {
      await mkdir(path);
      await writeFile(join(path, "old"), "");
      const killed = await nodeResumable(path, { force: true });
      await put(killed.output, "a", "whole");
      // The two renames of the end, then the kill.
      await writeFile(join(root, "out.partial", "output.whole"), "");
      await rename(path, join(root, "out.partial", "output.old"));
      if (named) await rename(join(root, "out.partial", "output"), path);
      await expect(nodeResumable(path, { resume: true })).rejects.toThrow("exists, expected a new folder");
      expect(await readdir(path)).toEqual(["old"]);
      const { output, work } = await nodeResumable(path, { resume: true, force: true });
      await put(output, "a", "whole");
      await output.commit();
      await work.remove([]);
      expect(await readdir(root)).toEqual(["out"]);
      expect(await readdir(path)).toEqual(["a"]);
    },
  );

  it("works beside what a link leads to", async () => {
    await mkdir(join(root, "disk", "real"), { recursive: true });
    await symlink(join("disk", "real"), path);
    const { output } = await nodeResumable(path, { force: true });
    expect((await readdir(join(root, "disk"))).sort()).toEqual(["real", "real.partial"]);
    await put(output, "a", "whole");
    await output.commit();
    expect(await readdir(join(root, "disk", "real"))).toEqual(["a"]);
  });

  it("says what is in the way where the work's folder is a file", async () => {
    await writeFile(`${path}.partial`, "");
    await expect(nodeResumable(path, { resume: true })).rejects.toMatchObject({ code: "FILE" });
    await rename(`${path}.partial`, join(root, "elsewhere"));
  });
});
