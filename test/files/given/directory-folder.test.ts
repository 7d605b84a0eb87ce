import { describe, expect, it } from "vitest";
import { FileError } from "../../../src/base/errors.ts";
import { directoryFolder, isDirectoryHandle } from "../../../src/files/given/directory-folder.ts";
import { givenFolder } from "../../../src/files/given/given-folder.ts";

/** A directory as browsers give it: `getFileHandle` fails with DOMExceptions of these names. */
function directory(name: string, files: readonly string[], folders: readonly string[] = []) {
  return {
    kind: "directory" as const,
    name,
    async *values() {
      for (const folder of folders) yield { kind: "directory" as const, name: folder };
      for (const file of files) yield { kind: "file" as const, name: file };
    },
    async getFileHandle(file: string) {
      if (folders.includes(file)) throw new DOMException("it is a directory", "TypeMismatchError");
      if (!files.includes(file)) throw new DOMException("no such file", "NotFoundError");
      return { getFile: async () => new File([`${file}!`], file) };
    },
  };
}

describe("directoryFolder", () => {
  it("lists and opens the files of a directory handle, without its sub-directories", async () => {
    const handle = directory("fable", ["model.safetensors", "config.json"], ["old"]);
    expect(isDirectoryHandle(handle)).toBe(true);
    for (const folder of [directoryFolder(handle), givenFolder(handle)]) {
      expect(folder.name).toBe("fable");
      expect(await folder.list()).toEqual(["config.json", "model.safetensors"]);
      const file = await folder.open("config.json");
      expect([file?.name, file?.size]).toEqual(["fable/config.json", "config.json!".length]);
      expect(await folder.open("missing")).toBeUndefined();
    }
  });

  it("reports what else prevents reading", async () => {
    const run = directoryFolder(directory("fable", [], ["old"])).open("old");
    await expect(run).rejects.toBeInstanceOf(FileError);
    await expect(run).rejects.toThrow("fable/old: found a file that cannot be opened (it is a directory)");
  });

  it("calls the root of the private file system, which has no name, a model", () => {
    expect(directoryFolder(directory("", [])).name).toBe("model");
  });
});
