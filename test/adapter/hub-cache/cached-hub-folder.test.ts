import { spawn } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CachedHubOptions, cachedHubFolder } from "../../../src/adapter/hub-cache/cached-hub-folder.ts";
import { readAll } from "../../../src/files/source.ts";
import { builtModule } from "../../helpers/built-module.ts";
import { COMMIT, etagOf, HubServer } from "../../helpers/hub-server.ts";

const text = (value: string) => new TextEncoder().encode(value);
const bytesOf = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 13 + (i >> 8) * 5 + seed) & 255);
const BIG = bytesOf(30_000_000, 1);
const FILES = { "config.json": text("{}"), "model.safetensors": BIG, "README.md": text("#") };
const retry = { attempts: 3, firstMs: 1, mostMs: 5 };

let server: HubServer;
let cache: string;
beforeEach(async () => {
  server = await HubServer.start({ files: FILES });
  cache = mkdtempSync(join(tmpdir(), "quern-hub-"));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(cache, { recursive: true, force: true });
});

const environment = (offline = false) => ({ endpoint: server.url, token: undefined, cache, offline });
const open = (options: CachedHubOptions = {}, reference = "hf:owner/name") =>
  cachedHubFolder(reference, { environment: environment(), retry, ...options });
const root = () => join(cache, "models--owner--name");
const blob = (bytes: Uint8Array) => join(root(), "blobs", etagOf(bytes));
const weights = async (options: CachedHubOptions = {}) => {
  const file = await (await open(options)).open("model.safetensors");
  if (file === undefined) throw new Error("no weights");
  return file;
};
const asked = () => server.requests.filter(({ side }) => side === "cdn").map(({ headers }) => headers.range ?? "");

describe("cachedHubFolder", () => {
  it("keeps what was opened, laid out as the hub's own cache, and nothing else", async () => {
    const folder = await open();
    const file = await folder.open("config.json");
    expect(file && (await readAll(file, 100))).toEqual(FILES["config.json"]);
    await folder.close();
    expect(readdirSync(root()).sort()).toEqual(["blobs", "refs", "snapshots"]);
    expect(readFileSync(join(root(), "refs/main"), "utf8")).toBe(COMMIT);
    expect(readdirSync(join(root(), "blobs"))).toEqual([etagOf(FILES["config.json"])]);
    const link = join(root(), "snapshots", COMMIT, "config.json");
    expect(readlinkSync(link)).toBe(`../../blobs/${etagOf(FILES["config.json"])}`);
    expect(readFileSync(link)).toEqual(Buffer.from(FILES["config.json"]));
  });

  it("reads headers of weights by ranges, and the whole file once it is prepared", async () => {
    const file = await weights();
    const into = new Uint8Array(1000);
    await file.read(20_000_000, into);
    expect(Buffer.from(into).equals(BIG.subarray(20_000_000, 20_001_000))).toBe(true);
    expect(existsSync(blob(BIG))).toBe(false);
    let done = 0;
    await file.prepare?.({ onBytes: (bytes) => (done += bytes) });
    expect(done).toBe(BIG.length);
    expect(readFileSync(blob(BIG)).equals(BIG)).toBe(true);
    server.requests.length = 0;
    expect(Buffer.from(await readAll(file, 1e9)).equals(BIG)).toBe(true);
    await file.close?.();
    expect(server.requests).toEqual([]);
    await (await weights()).prepare?.({});
    expect(asked()).toEqual([]);
    expect(lstatSync(join(root(), "snapshots", COMMIT, "model.safetensors")).isSymbolicLink()).toBe(true);
  });

  it("resumes an incomplete file, also one of another program", async () => {
    mkdirSync(join(root(), "blobs"), { recursive: true });
    writeFileSync(`${blob(BIG)}.incomplete`, BIG.subarray(0, 20_000_000));
    let done = 0;
    await (await weights()).prepare?.({ onBytes: (bytes) => (done += bytes) });
    expect(done).toBe(BIG.length);
    expect(readFileSync(blob(BIG)).equals(BIG)).toBe(true);
    expect(existsSync(`${blob(BIG)}.incomplete`)).toBe(false);
    const starts = asked().map((range) => Number(/\d+/.exec(range)?.[0]));
    expect(starts.filter((start) => start > 0 && start < 20_000_000)).toEqual([]);
  });

  it.each([
    ["damaged", () => bytesOf(20_000_000, 2)],
    ["too long", () => new Uint8Array(BIG.length + 1)],
  ])("begins anew where the incomplete file is %s", async (_, made) => {
    mkdirSync(join(root(), "blobs"), { recursive: true });
    writeFileSync(`${blob(BIG)}.incomplete`, made());
    await (await weights()).prepare?.({});
    expect(readFileSync(blob(BIG)).equals(BIG)).toBe(true);
  });

  it("keeps the beginning of a download that is aborted or fails, and goes on from there", async () => {
    const controller = new AbortController();
    let done = 0;
    const aborted = (await weights()).prepare?.({
      signal: controller.signal,
      onBytes(bytes) {
        done += bytes;
        controller.abort(new Error("enough"));
      },
    });
    await expect(aborted).rejects.toThrow("enough");
    const kept = statSync(`${blob(BIG)}.incomplete`).size;
    expect(kept).toBe(done);
    expect(readFileSync(`${blob(BIG)}.incomplete`).equals(BIG.subarray(0, kept))).toBe(true);
    server.fault = ({ headers }) =>
      Number(/\d+/.exec(headers.range ?? "")?.[0]) > 20_000_000 ? { cutAfter: 1000 } : undefined;
    await expect((await weights()).prepare?.({})).rejects.toMatchObject({ code: "REMOTE" });
    expect(statSync(`${blob(BIG)}.incomplete`).size).toBeGreaterThan(kept);
    server.fault = () => undefined;
    await (await weights()).prepare?.({});
    expect(readFileSync(blob(BIG)).equals(BIG)).toBe(true);
  });

  it("refuses bytes with another hash, small and large, and keeps none of them", async () => {
    const other = bytesOf(BIG.length, 9);
    server.fault = ({ side }) => (side === "cdn" ? { content: other } : undefined);
    await expect((await weights()).prepare?.({})).rejects.toThrow(`found bytes with the hash ${etagOf(other)}`);
    server.fault = ({ path }) => (path.endsWith("config.json") ? { content: text("[]") } : undefined);
    await expect((await open()).open("config.json")).rejects.toThrow("found bytes with the hash");
    expect(readdirSync(join(root(), "blobs"))).toEqual([]);
  });

  it("replaces a blob of another size", async () => {
    mkdirSync(join(root(), "blobs"), { recursive: true });
    writeFileSync(blob(FILES["config.json"]), "{");
    const file = await (await open()).open("config.json");
    expect(file && (await readAll(file, 100))).toEqual(FILES["config.json"]);
  });

  it("works offline from the cache, also where the hub cannot be reached", async () => {
    await expect(open({ environment: environment(true) })).rejects.toThrow(/no such version in the hub's cache/);
    const first = await open();
    await first.open("config.json");
    await (await weights()).prepare?.({});
    await first.close();
    server.requests.length = 0;
    for (const reference of ["hf:owner/name", `hf:owner/name@${COMMIT}`]) {
      const offline = await open({ environment: environment(true) }, reference);
      expect(await offline.list()).toEqual(["config.json", "model.safetensors"]);
      const file = await offline.open("model.safetensors");
      expect(file && Buffer.from(await readAll(file, 1e9)).equals(BIG)).toBe(true);
      await offline.close();
    }
    expect(server.requests).toEqual([]);
    const warnings: string[] = [];
    const broken = { ...environment(), endpoint: "http://127.0.0.1:1" };
    const folder = await open({ environment: broken, onWarning: (sentence) => warnings.push(sentence) });
    expect(await folder.list()).toEqual(["config.json", "model.safetensors"]);
    expect(warnings).toEqual([expect.stringContaining("cannot be reached")]);
    await expect(open({ environment: broken }, "hf:owner/other")).rejects.toMatchObject({ code: "REMOTE" });
  });

  it("lets two folders of one process, and two processes, download a file once", async () => {
    await Promise.all([(await weights()).prepare?.({}), (await weights()).prepare?.({})]);
    const ranges = asked().filter((range) => !range.startsWith("bytes=0-"));
    expect(new Set(ranges).size).toBe(ranges.length);
    rmSync(root(), { recursive: true });
    server.requests.length = 0;
    const program = `
      const { cachedHubFolder } = await import(${JSON.stringify(builtModule("src/adapter/hub-cache/cached-hub-folder.ts"))});
      const file = await (await cachedHubFolder("hf:owner/name")).open("model.safetensors");
      await file.prepare({});
      await file.close();`;
    const env = { ...process.env, HF_ENDPOINT: server.url, HF_HUB_CACHE: cache, HF_TOKEN: "", HF_HOME: cache };
    const run = () =>
      new Promise<number | null>((resolve) => {
        const child = spawn(process.execPath, ["--input-type=module", "-e", program], { env, stdio: "inherit" });
        child.on("exit", resolve);
      });
    expect(await Promise.all([run(), run()])).toEqual([0, 0]);
    expect(readFileSync(blob(BIG)).equals(BIG)).toBe(true);
    const again = asked().filter((range) => !range.startsWith("bytes=0-"));
    expect(new Set(again).size).toBe(again.length);
  });

  it("refuses a huge file that is no weights before it asks for it", async () => {
    const huge: typeof fetch = async (url, init) =>
      String(url).includes("/tree/")
        ? Response.json([{ type: "file", path: "config.json", size: 2 ** 50, oid: "a".repeat(40) }])
        : fetch(url, init);
    await expect((await open({ fetch: huge })).open("config.json")).rejects.toThrow(/expected at most/);
  });

  it("asks the file's own headers where the list tells no hash", async () => {
    const bare: typeof fetch = async (url, init) =>
      String(url).includes("/tree/") ? new Response("", { status: 404 }) : fetch(url, init);
    const folder = await open({ fetch: bare });
    const file = await folder.open("config.json");
    expect(file && (await readAll(file, 100))).toEqual(FILES["config.json"]);
    expect((await folder.open("model.safetensors"))?.size).toBe(BIG.length);
    expect(server.requests.filter(({ method }) => method === "HEAD").map(({ side }) => side)).toEqual(["hub", "hub"]);
  });

  it("tries the usual names on a hub that lists nothing, and finds others where they are asked for", async () => {
    const bare: typeof fetch = async (url, init) =>
      String(url).includes("/api/") ? new Response("", { status: 404 }) : fetch(url, init);
    const folder = await open({ fetch: bare });
    expect(await folder.list()).toEqual(["config.json", "model.safetensors"]);
    expect((await folder.open("README.md"))?.size).toBe(1);
    expect(await folder.open("none.json")).toBeUndefined();
    expect(readFileSync(join(root(), "refs/main"), "utf8")).toBe(COMMIT);
    await folder.close();
  });

  it("asks a mirror that knows no commits by the branch", async () => {
    const mirror: typeof fetch = async (url, init) =>
      String(url).includes(`/resolve/${COMMIT}/`) || String(url).includes(`/tree/${COMMIT}`)
        ? new Response("", { status: 404, headers: { "x-error-code": "RevisionNotFound" } })
        : fetch(url, init);
    const file = await (await open({ fetch: mirror })).open("config.json");
    expect(file && (await readAll(file, 100))).toEqual(FILES["config.json"]);
    await (await weights({ fetch: mirror })).prepare?.({});
    expect(readFileSync(blob(BIG)).equals(BIG)).toBe(true);
  });

  it("checks the size alone where a tag is no hash", async () => {
    const tagged: typeof fetch = async (url, init) =>
      String(url).includes("/tree/")
        ? Response.json([{ type: "file", path: "config.json", size: 2, oid: "tag-1.2" }])
        : fetch(url, init);
    await (await open({ fetch: tagged })).open("config.json");
    expect(readFileSync(join(root(), "blobs/tag-1.2"), "utf8")).toBe("{}");
  });
});
