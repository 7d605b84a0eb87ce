import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { nodeOutput, nodeOutputFile } from "../../src/adapter/node-output.ts";
import type { OutputFolder } from "../../src/files/output.ts";

let root: string;
let path: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "quern-output-"));
  path = join(root, "out");
  return () => rm(root, { recursive: true });
});

const text = (value: string) => new TextEncoder().encode(value);
async function write(output: OutputFolder, name: string, content: string): Promise<void> {
  const sink = await output.file(name);
  for (const character of content) await sink.write(text(character));
  await sink.close();
}

describe("nodeOutput", () => {
  it("shows the folder only when it is whole", async () => {
    const output = await nodeOutput(path);
    await write(output, "a", "first");
    await write(output, "b", "");
    expect((await readdir(root)).every((name) => name.startsWith(".out."))).toBe(true);
    await output.commit();
    await output.abort();
    expect(await readdir(root)).toEqual(["out"]);
    expect(await readdir(path)).toEqual(["a", "b"]);
    expect(await readFile(join(path, "a"), "utf8")).toBe("first");
  });

  it("leaves nothing after abort, nor folders that it made on the way", async () => {
    const output = await nodeOutput(join(root, "new", "deep", "out"));
    await (await output.file("a")).write(text("half"));
    await output[Symbol.asyncDispose]();
    await output.abort();
    expect(await readdir(root)).toEqual([]);
    await expect(output.commit()).rejects.toThrow("found it finished or discarded already");
  });

  it("refuses what exists, when it begins and when it ends", async () => {
    const output = await nodeOutput(path);
    await mkdir(path);
    await expect(output.commit()).rejects.toMatchObject({
      code: "FILE",
      message: `${path}: exists, expected a new folder; choose another name or pass --force to replace it`,
    });
    await output.abort();
    await expect(nodeOutput(path)).rejects.toThrow("--force");
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("replaces with force at commit, and only then", async () => {
    await mkdir(path);
    await writeFile(join(path, "old"), "old");
    const first = await nodeOutput(path, { force: true });
    await write(first, "new", "new");
    await first.abort();
    expect(await readdir(path)).toEqual(["old"]);
    const second = await nodeOutput(path, { force: true });
    await write(second, "new", "new");
    expect(await readdir(path)).toEqual(["old"]);
    await second.commit();
    expect(await readdir(path)).toEqual(["new"]);
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("makes a folder with force where none is", async () => {
    const output = await nodeOutput(path, { force: true });
    await output.commit();
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("never replaces what it cannot have written: a file, or a folder with folders", async () => {
    await writeFile(path, "file");
    await expect(nodeOutput(path, { force: true })).rejects.toThrow("found a file, expected a folder to replace");
    await mkdir(join(root, "project", "src"), { recursive: true });
    await expect(nodeOutput(join(root, "project"), { force: true })).rejects.toThrow(
      "found the folder src in it, expected a model folder",
    );
    expect((await readdir(root)).sort()).toEqual(["out", "project"]);
  });

  it("replaces what a link leads to, not the link", async () => {
    await mkdir(join(root, "real"));
    await symlink(join(root, "real"), path);
    const output = await nodeOutput(path, { force: true });
    await write(output, "a", "new");
    await output.commit();
    expect(await readlink(path)).toBe(join(root, "real"));
    expect(await readFile(join(root, "real", "a"), "utf8")).toBe("new");
  });

  it("rejects paths and open files", async () => {
    const output = await nodeOutput(path);
    await expect(output.file("../a")).rejects.toThrow("expected the plain name of a file");
    const sink = await output.file("a");
    await expect(output.commit()).rejects.toThrow("found a still open");
    await sink.close();
    await expect(sink.write(text("x"))).rejects.toThrow(`${join(path, "a")}: found it closed`);
    await output.commit();
  });

  it("rejects a path through a file, in a sentence", async () => {
    await writeFile(path, "file");
    await expect(nodeOutput(join(path, "out"))).rejects.toThrow("found a file in the path, expected a folder");
  });
});

describe("nodeOutputFile", () => {
  it("shows the file only when it is whole, and replaces only with force", async () => {
    const first = await nodeOutputFile(path);
    await first.write(text("first"));
    expect(await readdir(root)).not.toContain("out");
    await first.commit();
    await expect(nodeOutputFile(path)).rejects.toThrow(`${path}: exists, expected a new file`);
    const second = await nodeOutputFile(path, { force: true });
    await second.write(text("2"));
    await second.close();
    expect(await readFile(path, "utf8")).toBe("first");
    await second.commit();
    expect(await readFile(path, "utf8")).toBe("2");
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("leaves the old file as it was after abort", async () => {
    await writeFile(path, "old");
    const output = await nodeOutputFile(path, { force: true });
    await output.write(text("new"));
    await output.abort();
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("never replaces a folder or a device", async () => {
    await expect(nodeOutputFile(root, { force: true })).rejects.toThrow("found a folder, expected a file to replace");
    await expect(nodeOutputFile("/dev/null", { force: true })).rejects.toThrow(
      "found a device, pipe or socket, expected a file to replace",
    );
  });
});

describe("a full disk", () => {
  let disk: string | undefined;
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), "quern-disk-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], { stdio: "ignore" });
      disk = folder;
    } catch {
      await rm(folder, { recursive: true });
    }
  });
  afterAll(async () => {
    if (disk === undefined) return;
    execFileSync("umount", [disk]);
    await rm(disk, { recursive: true });
  });

  it("is named, with nothing half-written left and the old output whole", async ({ skip }) => {
    if (disk === undefined) return skip("needs the right to mount a small tmpfs");
    await writeFile(join(disk, "file"), "old");
    const sentence = "the disk is full; nothing half-written was kept, free some space or choose another place";
    const folder = await nodeOutput(join(disk, "out"));
    await write(folder, "small", "abc");
    const sink = await folder.file("model.safetensors");
    await expect(sink.write(new Uint8Array(100_000))).rejects.toMatchObject({
      code: "FILE",
      message: `${join(disk, "out", "model.safetensors")}: ${sentence}`,
    });
    expect(await readdir(disk)).toEqual(["file"]);
    const file = await nodeOutputFile(join(disk, "file"), { force: true });
    await expect(file.write(new Uint8Array(100_000))).rejects.toThrow(sentence);
    expect(await readdir(disk)).toEqual(["file"]);
    expect(await readFile(join(disk, "file"), "utf8")).toBe("old");
  });
});
