/** A model that comes from a server is the same model as that on the disk. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadModel } from "../../src/index.ts";
import type { LanguageModel } from "../../src/runtime/language-model.ts";
import { loadModel as loadInPage } from "../../src/web.ts";
import { HubServer } from "../helpers/hub-server.ts";
import { repositoryFile } from "../helpers/shared.ts";

const NAME = "owner/fable-mixtral";
const FOLDER = repositoryFile("models/fable-mixtral");
const run = promisify(execFile);

let server: HubServer;
let cache: string;
let expected: readonly number[];

const idsOf = async (model: LanguageModel): Promise<readonly number[]> => {
  const ids: number[] = [];
  for await (const piece of model.generate({ ids: [1, 2, 3] }, { maxTokens: 12, temperature: 0, ignoreEos: true }))
    if (piece.id !== undefined) ids.push(piece.id);
  await model[Symbol.asyncDispose]();
  return ids;
};

beforeAll(async () => {
  const names = readdirSync(FOLDER).filter((name) => name !== "expected.safetensors");
  const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(join(FOLDER, name)))]));
  server = await HubServer.start({ repo: NAME, files, token: "hf_test" });
  cache = mkdtempSync(join(tmpdir(), "quern-hub-"));
  for (const [name, value] of Object.entries(environment())) process.env[name] = value;
  expected = await idsOf(await loadModel(FOLDER));
});
afterAll(async () => {
  for (const name of Object.keys(environment())) delete process.env[name];
  await server[Symbol.asyncDispose]();
  rmSync(cache, { recursive: true, force: true });
});
const environment = () => ({ HF_ENDPOINT: server.url, HF_HOME: cache, HF_TOKEN: "hf_test" });

describe("loadModel", () => {
  it("opens the URL of a folder, as text and as an object, on Node and in a page", async () => {
    const url = `${server.url}/files/`;
    expect(await idsOf(await loadModel(url))).toEqual(expected);
    expect(await idsOf(await loadModel(new URL(url)))).toEqual(expected);
    expect(await idsOf(await loadInPage(new URL(url)))).toEqual(expected);
  });

  it("opens a model of the hub: in a page by ranges, on Node through the cache, then offline", async () => {
    const remote = { endpoint: server.url, token: "hf_test" };
    expect(await idsOf(await loadInPage(`hf:${NAME}`, { remote }))).toEqual(expected);
    const seen: string[] = [];
    const onProgress = ({ phase, done, total }: { phase: string; done: number; total: number }) => {
      if (phase === "download" && done === total) seen.push(phase);
    };
    expect(await idsOf(await loadModel(`hf:${NAME}`, { onProgress }))).toEqual(expected);
    expect(seen).toEqual(["download"]);
    const blobs = readdirSync(join(cache, "hub/models--owner--fable-mixtral/blobs"));
    expect(blobs.length).toBeGreaterThan(2);
    server.requests.length = 0;
    process.env["HF_HUB_OFFLINE"] = "1";
    try {
      expect(await idsOf(await loadModel(`hf:${NAME}`))).toEqual(expected);
    } finally {
      delete process.env["HF_HUB_OFFLINE"];
    }
    expect(server.requests).toEqual([]);
  });

  it("refuses unknown options of the server", async () => {
    const remote = { tokens: "x" } as object;
    await expect(loadModel(`hf:${NAME}`, { remote })).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("quern inspect and generate", () => {
  const quern = async (...args: readonly string[]) => {
    const env = { ...process.env, ...environment(), HF_HOME: `${cache}-cli` };
    const { stdout } = await run(process.execPath, [repositoryFile("dist/cli/main.js"), ...args], { env });
    return JSON.parse(stdout) as { readonly trueBytes: number; readonly ids: readonly number[] };
  };
  afterAll(() => rmSync(`${cache}-cli`, { recursive: true, force: true }));

  it("read headers only, and the whole model", async () => {
    server.requests.length = 0;
    const local = await quern("inspect", FOLDER, "--json");
    const { trueBytes } = await quern("inspect", `hf:${NAME}`, "--json");
    expect(trueBytes).toBe(local.trueBytes);
    const large = server.requests.filter(({ side, path }) => side === "cdn" && path.startsWith("/model.safetensors"));
    expect(large).toHaveLength(1);
    const ids = ["--ids", "1,2,3", "--temperature", "0", "--max-tokens", "12", "--ignore-eos"];
    expect((await quern("generate", `hf:${NAME}`, ...ids, "--json")).ids).toEqual(expected);
    expect((await quern("generate", `${server.url}/files`, ...ids, "--json")).ids).toEqual(expected);
  });
});
