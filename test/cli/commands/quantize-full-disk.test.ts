/** `quern quantize` on a disk that fills: what a user is told, what is left, and how the run goes on. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { withFullDisk } from "../../helpers/full-disk.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, type Run } from "../quern.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const MODEL = repositoryFile("test/fixtures/families/olmoe-clip-bf16");
const LIMIT = ["--memory", "4MB"];

function quantize(output: string, ...more: readonly string[]): readonly string[] {
  const calibration = ["--ids-file", at("ids.json"), "--clip", "none", "--group-size", "32", "--json"];
  return ["quantize", MODEL, "--output", at(output), "--bundle", at(`${output}.quern`), ...calibration, ...more];
}

function onFullDisk(room: number, args: readonly string[]): Run & { readonly written: number } {
  const run = quern(args, "", withFullDisk(room));
  const [, told, written] = /^([\s\S]*)wrote (\d+) bytes\n$/.exec(run.stderr) ?? [];
  return { ...run, stderr: told ?? run.stderr, written: Number(written) };
}

const filesOf = (output: string) => readdirSync(at(output)).map((name) => `${output}/${name}`);
const bytesAt = (file: string): Buffer => readFileSync(at(file));
/** Everything beside the undisturbed output. */
const leftBeside = (): readonly string[] =>
  readdirSync(folder).filter((name) => !["ids.json", "whole", "whole.quern"].includes(name));

/** Bytes that are written until the folder is whole, and until the bundle is. */
let folderEnd: number;
let bundleEnd: number;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-full-disk-"));
  const windows = [0, 1].map((window) => Array.from({ length: 16 }, (_, i) => (i * 37 + window) % 256));
  writeFileSync(at("ids.json"), JSON.stringify({ windows }));
  const run = onFullDisk(2 ** 40, quantize("whole"));
  expect(run).toMatchObject({ status: 0 });
  bundleEnd = run.written;
  folderEnd = bundleEnd - bytesAt("whole.quern").length;
});
afterEach(() => {
  for (const name of leftBeside()) rmSync(at(name), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const FULL = "the disk is full; nothing half-written was kept, free some space or choose another place";
const RESUME = "then the same command with --resume goes on after what is done";

describe("quern quantize on a full disk", () => {
  it.each([
    ["a block", (): number => 1e5, [], "out.partial/layer-0.safetensors", ["out.partial"]],
    [
      "a block, within a limit of memory",
      (): number => folderEnd / 2,
      LIMIT,
      "out.partial/layer-2.safetensors",
      ["out.partial"],
    ],
    ["the folder", (): number => folderEnd - 3e5, [], "out/model.safetensors", ["out.partial"]],
    ["the end of the folder", (): number => folderEnd - 1, LIMIT, "out/README.md", ["out.partial"]],
    ["the beginning of the bundle", (): number => folderEnd + 1, [], "out.quern", ["out", "out.partial"]],
    ["the bundle", (): number => (folderEnd + bundleEnd) / 2, LIMIT, "out.quern", ["out", "out.partial"]],
    ["the end of the bundle", (): number => bundleEnd - 1, [], "out.quern", ["out", "out.partial"]],
  ] as const)("says so at %s, and goes on to the same bytes", (_, room, limit, file, left) => {
    const run = onFullDisk(Math.floor(room()), quantize("out", ...limit, "--quiet"));
    expect(run.status).toBe(1);
    expect(run.stderr).toBe(`quern: FILE: ${at(file)}: ${FULL}; ${RESUME}\n`);
    expect(JSON.parse(run.stdout)).toMatchObject({ error: { code: "FILE", where: at(file) } });
    expect(leftBeside()).toEqual(left);
    expect(quern(quantize("out", ...limit)).stderr).toContain("--resume");

    expect(quern(quantize("out", ...limit, "--resume"))).toMatchObject({ status: 0 });
    for (const name of [...filesOf("whole"), "whole.quern"])
      expect(bytesAt(name.replace("whole", "out")).equals(bytesAt(name)), name).toBe(true);
    expect(leftBeside()).toEqual(["out", "out.quern"]);
  });
});
