import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFile, nodeFolder, nodeTree } from "../../src/adapter/node.ts";
import { PIECE_BYTES, readAll } from "../../src/files/source.ts";

let root: string;
const large = new Uint8Array(PIECE_BYTES + 100).map((_, i) => i % 251);
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "quern-node-"));
  await mkdir(join(root, "folder"));
  await writeFile(join(root, "large"), large);
  await writeFile(join(root, "small"), "abc");
  await symlink(join(root, "small"), join(root, "link"));
});
afterAll(() => rm(root, { recursive: true }));

describe("nodeFile", () => {
  it("reads ranges and whole files of several pieces, into shared memory too", async () => {
    const source = await nodeFile(join(root, "large"));
    expect(Buffer.compare(await readAll(source, large.length), large)).toBe(0);
    const into = new Uint8Array(new SharedArrayBuffer(200), 8, 150);
    await source.read(PIECE_BYTES - 75, into);
    expect(Buffer.compare(into, large.subarray(PIECE_BYTES - 75, PIECE_BYTES + 75))).toBe(0);
    await source.close?.();
    await source.close?.();
  });

  it("names the file and the offset when it has become shorter", async () => {
    await writeFile(join(root, "shrinks"), new Uint8Array(50));
    const source = await nodeFile(join(root, "shrinks"));
    await truncate(join(root, "shrinks"), 20);
    await expect(source.read(10, new Uint8Array(30))).rejects.toThrow(
      /shrinks: found 0 bytes at offset 20, expected 20; the file is cut short$/,
    );
    await expect(source.read(40, new Uint8Array(11))).rejects.toThrow("found 50 bytes, expected at least 51");
    await source.close?.();
  });

  it("says what is wrong with a path", async () => {
    const fails = (path: string) => expect(nodeFile(join(root, path))).rejects;
    await fails("none").toMatchObject({
      code: "FILE",
      message: `${join(root, "none")}: found no such file or folder, expected it to exist`,
    });
    await fails("small/x").toThrow("found a file in the path, expected a folder");
    await fails("folder").toThrow("found a folder, expected a file");
  });
});

describe("nodeFolder", () => {
  it("lists files and opens them, through links too", async () => {
    const folder = await nodeFolder(`${root}/`);
    expect(folder.name).toBe(root);
    expect((await folder.list()).filter((file) => file !== "shrinks")).toEqual(["large", "link", "small"]);
    expect((await folder.open("link"))?.size).toBe(3);
    expect(await folder.open("none")).toBeUndefined();
    await folder.close();
  });

  it("rejects a path out of the folder, and a folder where a file should be", async () => {
    const folder = await nodeFolder(root);
    for (const path of ["../x", "folder/x", "..", ".", ""])
      await expect(folder.open(path)).rejects.toThrow("expected the plain name of a file");
    await expect(folder.open("folder")).rejects.toThrow("found a folder, expected a file");
  });

  it("says what is wrong with a path", async () => {
    await expect(nodeFolder(join(root, "none"))).rejects.toThrow("found no such file or folder");
    await expect(nodeFolder(join(root, "small"))).rejects.toThrow("found a file, expected a folder");
  });

  it("closes the files it opened", async () => {
    const folder = await nodeFolder(root);
    const source = (await folder.open("small"))!;
    await folder.close();
    await expect(source.read(0, new Uint8Array(1))).rejects.toThrow();
  });
});

describe("nodeTree", () => {
  it("lists and opens files of folders in it", async () => {
    await mkdir(join(root, "tree", "a", "b"), { recursive: true });
    await writeFile(join(root, "tree", "top.txt"), "t");
    await writeFile(join(root, "tree", "a", "b", "deep.txt"), "deep");
    const tree = await nodeTree(`${root}/tree/`);
    expect(await tree.list()).toEqual(["a/b/deep.txt", "top.txt"]);
    const source = await tree.open("a/b/deep.txt");
    expect([source?.name, source?.size]).toEqual([`${root}/tree/a/b/deep.txt`, 4]);
    expect(await tree.open("a/none.txt")).toBeUndefined();
    expect(await tree.open("none/none.txt")).toBeUndefined();
    await expect(tree.open("a/b")).rejects.toThrow("found a folder, expected a file");
    await tree.close();
  });

  it.each(["../small", "a/../../small", "/etc/hostname", "a//b", "a/./b", "", "a/", "..\\small", "a\0b"])(
    "refuses %j, which leaves it",
    async (file) => {
      const tree = await nodeTree(join(root, "folder"));
      await expect(tree.open(file)).rejects.toMatchObject({
        code: "FILE",
        message: expect.stringContaining("found a path that leaves the folder, expected one inside it"),
      });
    },
  );
});
