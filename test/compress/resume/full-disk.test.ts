/** Quantising on a disk that fills: an error that names the file, nothing half-written under a final name, and the same bytes once there is room. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeResumable } from "../../../src/adapter/node-work.ts";
import { quantize } from "../../../src/compress/run/make-quantized.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { fullDisk } from "../../helpers/full-disk.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const WINDOWS = [0, 1].map((window) => Array.from({ length: 16 }, (_, i) => (i * 37 + 11 * window) % 256));
const POINTS = 12;

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "quern-full-"));
});
afterAll(() => rmSync(root, { recursive: true }));

const run = async (model: LanguageModel, name: string, resume = false) =>
  quantize(model, {
    ...{ bits: 4, groupSize: 32, windows: WINDOWS, clip: "none", resume },
    ...(await nodeResumable(join(root, name), { resume })),
  });

const contentOf = (name: string) =>
  readdirSync(join(root, name)).map((file) => [file, readFileSync(join(root, name, file)).toString("base64")]);

/** Bytes that a run without interruption writes: those of its blocks and those of its output. */
async function writtenBytes(model: LanguageModel): Promise<number> {
  const room = 2 ** 40;
  using disk = await fullDisk(room);
  await run(model, "undisturbed");
  return room - disk.left;
}

describe.each([
  ["in memory", {}],
  ["block by block within a limit of memory", { memory: "3MB", paging: "all" }],
] as const)("a disk that fills while a model is quantised %s", (_, options) => {
  it("is told by the file, and the run goes on to the same bytes", async () => {
    await using model = await loadModel(repositoryFile("test/fixtures/families/olmoe-clip-bf16"), {
      activations: "f32",
      ...options,
    });
    rmSync(join(root, "undisturbed"), { recursive: true, force: true });
    const total = await writtenBytes(model);
    const expected = contentOf("undisturbed");
    const random = mulberry32(5);
    const kinds = new Set<string>();
    for (let point = 0; point < POINTS; point++) {
      const room = Math.floor(((point + random()) / POINTS) * total);
      const name = `full-${room}`;
      const disk = await fullDisk(room);
      const error = await run(model, name).catch((thrown: unknown) => thrown);
      disk[Symbol.dispose]();
      expect(error).toMatchObject({ code: "FILE", details: { where: expect.stringContaining(join(root, name)) } });
      expect((error as Error).message).toMatch(/: the disk is full; nothing half-written was kept, free some space/);
      kinds.add((error as Error).message.replace(/^.*[/\\](?=\w)|-\d+|:.*/g, ""));
      expect(existsSync(join(root, name))).toBe(false);
      const partial = existsSync(join(root, `${name}.partial`)) ? readdirSync(join(root, `${name}.partial`)) : [];
      expect(partial.filter((file) => !/^(layer-\d|run)\.\w+$/.test(file))).toEqual([]);
      await run(model, name, true);
      expect(contentOf(name)).toEqual(expected);
      expect(readdirSync(root).filter((file) => file.includes(name))).toEqual([name]);
      rmSync(join(root, name), { recursive: true });
    }
    expect((model.paging?.misses ?? 0) > 0).toBe("memory" in options);
    expect(kinds).toEqual(new Set(["layer.safetensors", "model.safetensors"]));
  });
});
