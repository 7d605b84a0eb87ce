/** Files that programs forget are closed by the collector, and files of loads that fail at once. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { appendFile, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { Descriptor } from "../../src/adapter/node-descriptor.ts";
import { loadModel } from "../../src/index.ts";
import { repositoryFile } from "../helpers/shared.ts";

const MODEL = repositoryFile("models/fable-mixtral");
/** Where the system tells what is open. */
const OPEN_FILES = "/proc/self/fd";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "quern-descriptor-"));
  return () => rm(folder, { recursive: true });
});

describe("Descriptor", () => {
  it("waits with closing for reads under way, closes once, and reads nothing afterwards", async () => {
    await writeFile(join(folder, "file"), "abc");
    const file = await Descriptor.open(join(folder, "file"));
    expect((await file.status()).size).toBe(3);
    const into = new Uint8Array(3);
    const [count] = await Promise.all([file.read(into, 0, 3, 0), file.close(), file.close()]);
    expect(count).toBe(3);
    expect(Buffer.from(into).toString()).toBe("abc");
    await expect(file.read(into, 0, 3, 0)).rejects.toMatchObject({ code: "EBADF" });
  });
});

describe.runIf(existsSync(OPEN_FILES))("a load that fails", () => {
  it.each<[string, (model: string) => Promise<void>, string]>([
    ["no configuration", (model) => rm(join(model, "config.json")), "config.json: found no such file"],
    ["a configuration of no family", (model) => change(model, "mixtral", "nobody"), "nobody"],
    ["other shapes", (model) => change(model, '"hidden_size": 192', '"hidden_size": 224'), "shape"],
    ["a header that is none", (model) => writeFile(join(model, "model.safetensors"), "12345678{"), "model.safetensors"],
    ["bytes too many", (model) => appendFile(join(model, "model.safetensors"), "x"), "model.safetensors"],
    ["a shard that is none", withBadShard, "b.safetensors"],
    ["a missing shard", withMissingShard, "c.safetensors"],
  ])("leaves no file open: %s", async (_, spoil, told) => {
    const model = join(folder, "model");
    await cp(MODEL, model, { recursive: true });
    await spoil(model);
    const before = readdirSync(OPEN_FILES).length;
    for (let time = 0; time < 3; time++) await expect(loadModel(model)).rejects.toThrow(told);
    expect(readdirSync(OPEN_FILES)).toHaveLength(before);
  });

  it("leaves no file open: threads that cannot be", async () => {
    const before = readdirSync(OPEN_FILES).length;
    await expect(loadModel(MODEL, { threads: -1 })).rejects.toMatchObject({ code: "USAGE" });
    await expect(loadModel(MODEL, { activations: "f8" as "f32" })).rejects.toMatchObject({ code: "USAGE" });
    expect(readdirSync(OPEN_FILES)).toHaveLength(before);
  });
});

async function change(model: string, from: string, to: string): Promise<void> {
  const path = join(model, "config.json");
  const text = await readFile(path, "utf8");
  expect(text).toContain(from);
  await writeFile(path, text.replaceAll(from, to));
}

async function withShards(model: string, second: string): Promise<void> {
  await cp(join(model, "model.safetensors"), join(model, "a.safetensors"));
  await rm(join(model, "model.safetensors"));
  const map = { "lm_head.weight": "a.safetensors", other: second };
  await writeFile(join(model, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
}

async function withBadShard(model: string): Promise<void> {
  await writeFile(join(model, "b.safetensors"), "12345678{");
  await withShards(model, "b.safetensors");
}

const withMissingShard = (model: string) => withShards(model, "c.safetensors");

/** Loads forty models without disposing of any, and tells how many files are open while and after they are collected. */
const FORGETFUL = `
import { readdirSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
const { loadModel } = await import(process.argv[1]);
for (let i = 0; i < 40; i++) {
  const model = await loadModel(process.argv[2], { threads: 1 });
  if (i === 0) for await (const _ of model.generate({ ids: [0] }, { maxTokens: 1 }));
}
for (let i = 0; i < 10; i++) {
  globalThis.gc();
  await setTimeout(20);
}
const open = process.platform === "linux" ? readdirSync("/proc/self/fd").length : 0;
console.log(JSON.stringify({ open }));
`;

describe("forty models loaded and forgotten", () => {
  const runtimes = [
    ["this Node", process.execPath],
    ["Node 20.16", repositoryFile("ci/node_modules/node20/bin/node")],
    ["Node 24", repositoryFile("ci/node_modules/node24/bin/node")],
    ["Node 26", repositoryFile("ci/node_modules/node26/bin/node")],
  ] as const;
  it.for(runtimes)("neither end the process nor warn, and their files are closed (%s)", ([name, runtime], { skip }) => {
    if (!existsSync(runtime)) return skip(`needs ${name} in ci/node_modules (cd ci && npm ci)`);
    const entry = pathToFileURL(repositoryFile("dist/index.js")).href;
    const args = ["--expose-gc", "--input-type=module", "-e", FORGETFUL, entry, MODEL];
    const { status, stdout, stderr } = spawnSync(runtime, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(JSON.parse(stdout).open).toBeLessThan(40);
  });
});
