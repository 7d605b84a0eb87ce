/** What is named as a model in Node and cannot be opened as one is told by what it is. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { modelFolder } from "../../../src/adapter/models/model-folder.ts";
import { QuernError } from "../../../src/base/errors.ts";
import { loadModel } from "../../../src/index.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const FIXTURE = repositoryFile("test/fixtures/families/mixtral-window-bf16");
const LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1234567\n";

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "quern-model-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(root, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(path, file, ".."), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

async function refusal(source: string | URL): Promise<string> {
  const error = await loadModel(source).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(QuernError);
  return `${(error as QuernError).code} ${(error as Error).message}`;
}

describe("loadModel", () => {
  it.each([
    ["blob:nodedata:1234", "blob:"],
    ["data:application/json,{}", "data:"],
    ["ftp://example.org/m", "ftp:"],
  ])("refuses the URL %s as text and as a URL", async (url, scheme) => {
    for (const source of [url, new URL(url)])
      expect(await refusal(source)).toMatch(
        new RegExp(`^UNSUPPORTED .*found a URL \\(${scheme}\\), expected a folder`),
      );
  });

  it.each([
    ["hf:owner", 'USAGE model: found "hf:owner", expected hf:OWNER/NAME'],
    ["model.gguf", "FILE model.gguf: found no such file or folder"],
    ["", "USAGE model: found an empty path"],
    ["a\0b", "USAGE model: found a path with a zero character"],
    ["nowhere/at/all", "FILE nowhere/at/all: found no such file or folder"],
    ["file://host/share/model", "USAGE file://host/share/model: found a file: URL that is no path here"],
  ])("refuses %j", async (source, message) => {
    expect(await refusal(source)).toContain(message);
  });

  it("opens a GGUF file by its path, or as the only model of a folder, with a configuration beside it or without", async () => {
    const path = folder("gguf", { "m.Q4_K_M.gguf": "GGUF" });
    const cut = `FORMAT ${path}/m.Q4_K_M.gguf: found no version, expected one; the file is cut short`;
    expect(await refusal(path)).toBe(cut);
    expect(await refusal(join(path, "m.Q4_K_M.gguf"))).toBe(cut);
    cpSync(join(FIXTURE, "config.json"), join(path, "config.json"));
    expect(await refusal(path)).toBe(cut);
    writeFileSync(join(path, "other.gguf"), "GGUF");
    expect(await refusal(path)).toContain("found 2 GGUF models (m.Q4_K_M.gguf, other.gguf), expected one");
    expect(await refusal(join(path, "m.Q4_K_M.gguf"))).toBe(cut);
  });

  it.each(["model.safetensors", "config.json"])("says that %s is a Git LFS pointer", async (file) => {
    const path = join(root, `lfs-${file}`);
    cpSync(FIXTURE, path, { recursive: true });
    writeFileSync(join(path, file), LFS);
    expect(await refusal(path)).toBe(
      `FORMAT ${path}/${file}: found a Git LFS pointer, expected the file itself; run \`git lfs pull\` in its repository`,
    );
  });
});

describe("modelFolder", () => {
  it("opens paths, file: URLs and their texts, with escaped characters", async () => {
    const path = folder("a folder #1 %41", { "config.json": "{}" });
    const url = pathToFileURL(path);
    for (const source of [path, url, url.href]) {
      const found = await modelFolder(source);
      expect(resolve(found.name)).toBe(path);
      expect(await found.list()).toEqual(["config.json"]);
    }
  });

  it("opens the version that main names, or the only one, of a folder of the hub's cache", async () => {
    const [first, second] = ["1".repeat(40), "2".repeat(40)];
    const path = folder("models--owner--name", {
      "refs/main": `${second}\n`,
      [`blobs/abc`]: '{"model_type":"second"}',
      [`snapshots/${first}/config.json`]: "{}",
      [`snapshots/${second}/README.md`]: "",
    });
    symlinkSync("../../blobs/abc", join(path, "snapshots", second, "config.json"));
    const found = await modelFolder(path);
    expect(found.name).toBe(`${path}/snapshots/${second}`);
    expect(await found.list()).toEqual(["README.md", "config.json"]);
    expect((await found.open("config.json"))?.size).toBe(23);
    await found.close();
    rmSync(join(path, "refs"), { recursive: true });
    await expect(modelFolder(path)).rejects.toThrow(
      `found a folder of the hub's cache with 2 versions and none for main, expected the model in it: snapshots/${first}, `,
    );
    rmSync(join(path, "snapshots", second), { recursive: true });
    expect((await modelFolder(path)).name).toBe(`${path}/snapshots/${first}`);
  });

  it("takes no path from a ref of the hub's cache, and says where a version is missing", async () => {
    const path = folder("models--owner--evil", {
      "refs/main": "../../secret",
      "snapshots/x/a": "",
      "snapshots/y/a": "",
    });
    await expect(modelFolder(path)).rejects.toThrow("expected the model in it: snapshots/x, y");
    const empty = folder("models--owner--empty", { "refs/main": "1".repeat(40), "snapshots/file": "" });
    rmSync(join(empty, "snapshots/file"));
    await expect(modelFolder(empty)).rejects.toThrow("found a folder of the hub's cache without a version");
  });

  it("takes no drive letter for a scheme", async () => {
    await expect(modelFolder("C:\\models\\m")).rejects.toThrow("found no such file or folder");
  });
});
