import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RemoteError } from "../../../src/base/errors.ts";
import { remoteFile } from "../../../src/files/remote/remote-file.ts";
import { readAll } from "../../../src/files/source.ts";
import { type Fault, HubServer, type SeenRequest } from "../../helpers/hub-server.ts";

/** Bytes that differ from place to place. */
const bytesOf = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255);

const BIG = bytesOf(9_000_001);
const retry = { attempts: 4, firstMs: 1, mostMs: 5, idleMs: 2000 };
let server: HubServer;

beforeEach(async () => {
  server = await HubServer.start({
    files: { "big.bin": BIG, "small.json": bytesOf(1000), "empty.txt": new Uint8Array() },
  });
});
afterEach(() => server[Symbol.asyncDispose]());

const open = (file = "big.bin", options = {}) => remoteFile(`${server.url}/files/${file}`, { retry, ...options });
const rangeOf = ({ headers }: SeenRequest) => headers.range ?? "";
/** The fault for the first requests that fit, and none after them. */
const first = (count: number, fits: (request: SeenRequest) => boolean, fault: Fault) => {
  let left = count;
  return (request: SeenRequest) => (fits(request) && left-- > 0 ? fault : undefined);
};

describe("remoteFile", () => {
  it("reads any range as it is in the file", async () => {
    const source = await open();
    expect(source.size).toBe(BIG.length);
    for (const [offset, length] of [
      [0, 8],
      [262_140, 10],
      [5, 0],
      [1_000_000, 700_000],
      [100, 5_000_000],
      [BIG.length - 3, 3],
    ]) {
      const into = new Uint8Array(length);
      await source.read(offset, into);
      expect(Buffer.from(into).equals(BIG.subarray(offset, offset + length))).toBe(true);
    }
    await expect(source.read(BIG.length - 2, new Uint8Array(3))).rejects.toThrow("cut short");
  });

  it("parses a header of many fields with few requests", async () => {
    const source = await open();
    const into = new Uint8Array(8);
    for (let at = 0; at < 1_000_000; at += 100) await source.read(at, into);
    expect(server.requests.length).toBeLessThan(5);
  });

  it("reads a large range side by side, in parts that cover it once", async () => {
    const source = await open();
    server.requests.length = 0;
    expect(Buffer.from(await readAll(source, 1e9)).equals(BIG)).toBe(true);
    const ranges = server.requests.map(rangeOf);
    expect(ranges.sort()).toEqual(["bytes=0-4194303", "bytes=4194304-8388607", "bytes=8388608-9000000"]);
  });

  it("opens small and empty files", async () => {
    expect(await readAll(await open("small.json"), 1e6)).toEqual(bytesOf(1000));
    expect((await open("empty.txt")).size).toBe(0);
  });

  it("takes up a connection that is cut at the byte that it reached", async () => {
    const source = await open();
    server.fault = first(2, () => true, { cutAfter: 100_000 });
    const into = new Uint8Array(3_000_000);
    await source.read(0, into);
    expect(Buffer.from(into).equals(BIG.subarray(0, into.length))).toBe(true);
    const starts = server.requests.slice(1).map((request) => Number(/\d+/.exec(rangeOf(request))?.[0]));
    expect(starts).toHaveLength(3);
    expect(starts[1]).toBeGreaterThan(0);
    expect(starts[2]).toBeGreaterThan(starts[1]);
  });

  it("asks again for what a response lacks, and gives up where nothing comes", async () => {
    const source = await open();
    const into = new Uint8Array(3_000_000);
    server.fault = first(1, () => true, { stopAfter: 1000 });
    await source.read(0, into);
    expect(Buffer.from(into).equals(BIG.subarray(0, into.length))).toBe(true);
    server.fault = () => ({ cutAfter: 0 });
    await expect(source.read(3_000_000, new Uint8Array(3_000_000))).rejects.toThrow(/in 4 attempts/);
  });

  it.each([
    ["other bytes than were asked for", { "content-range": "bytes 5-3000004/9000001" }, /expected bytes 0-2999999/],
    ["another size", { "content-range": "bytes 0-2999999/9000002" }, /changed while it was read/],
    ["a Content-Range that is none", { "content-range": "bytes 0-x/9" }, /expected bytes FIRST-LAST\/TOTAL/],
    ["another tag", { etag: '"other"' }, /changed while it was read/],
  ])("refuses %s", async (_, headers, message) => {
    const source = await open();
    server.fault = () => ({ headers });
    const error = await source.read(0, new Uint8Array(3_000_000)).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RemoteError);
    expect((error as Error).message).toMatch(message);
  });

  it("says that a file changed, of the same size or of another", async () => {
    for (const content of [bytesOf(BIG.length, 2), bytesOf(1000)]) {
      const source = await open();
      server.fault = () => ({ content });
      await expect(source.read(5_000_000, new Uint8Array(10))).rejects.toThrow(/the file changed while it was read/);
      server.fault = () => undefined;
    }
  });

  it("waits as long as a busy server asks, within a bound", async () => {
    server.fault = first(2, () => true, { status: 429, headers: { "retry-after": "0" } });
    expect((await open()).size).toBe(BIG.length);
    expect(server.requests).toHaveLength(3);
    server.fault = () => ({ status: 503, headers: { "retry-after": "4000" } });
    await expect(open()).rejects.toThrow(/answered 503, and it asks to wait 4000 s/);
    await expect(open("big.bin", { retry: { ...retry, attempts: 2 } })).rejects.toMatchObject({ status: 503 });
  });

  it("downloads a file whole from a server without ranges, up to a limit, with a warning if it is large", async () => {
    server.fault = () => ({ noRange: true });
    const warnings: string[] = [];
    const onWarning = (sentence: string) => warnings.push(sentence);
    const source = await open("big.bin", { onWarning });
    expect(server.requests).toHaveLength(1);
    expect(Buffer.from(await readAll(source, 1e9)).equals(BIG)).toBe(true);
    expect(warnings).toEqual([]);
    await expect(open("big.bin", { maxDownloadBytes: 1e6 })).rejects.toThrow(/cannot send parts/);
    server.fault = () => ({ noRange: true, content: new Uint8Array(17 * 1024 * 1024) });
    await open("big.bin", { onWarning });
    expect(warnings).toHaveLength(1);
  });

  it("downloads a file whose length the server does not tell, up to the limit", async () => {
    server.fault = () => ({ noRange: true });
    const silent: typeof fetch = async (url, init) => {
      const { body, status, headers } = await fetch(url, init);
      const kept = [...headers].filter(([name]) => name !== "content-length");
      return new Response(body, { status, headers: kept });
    };
    const source = await open("big.bin", { fetch: silent });
    expect(Buffer.from(await readAll(source, 1e9)).equals(BIG)).toBe(true);
    await expect(open("big.bin", { fetch: silent, maxDownloadBytes: 1e6 })).rejects.toThrow(
      "found more bytes than the 1000000 expected",
    );
  });

  it("begins a whole download that is cut anew", async () => {
    let left = 1;
    server.fault = () => (left-- > 0 ? { noRange: true, cutAfter: 200_000 } : { noRange: true });
    expect(Buffer.from(await readAll(await open(), 1e9)).equals(BIG)).toBe(true);
  });

  it("stops at once when it is aborted, during a read and during a wait", async () => {
    const controller = new AbortController();
    const source = await open("big.bin", { signal: controller.signal });
    server.fault = () => ({ status: 503, headers: { "retry-after": "50" } });
    const read = source.read(0, new Uint8Array(5_000_000));
    setTimeout(() => controller.abort(new Error("enough")), 20);
    await expect(read).rejects.toThrow("enough");
    await expect(source.read(4_000_000, new Uint8Array(10))).rejects.toThrow("enough");
  });

  it("listens to a signal once, however many reads it ends", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners++;
      add(...args);
    };
    const source = await open("big.bin", { signal });
    await Promise.all(Array.from({ length: 20 }, (_, i) => source.read(400_000 * i, new Uint8Array(10))));
    expect(listeners).toBe(1);
  });

  it("gives up a connection that falls silent", async () => {
    const silent: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener("abort", () => reject(init.signal?.reason)));
    await expect(open("big.bin", { fetch: silent, retry: { attempts: 2, firstMs: 1, idleMs: 20 } })).rejects.toThrow(
      /silent for 20 ms/,
    );
  });

  it("names host and path, and neither query nor login", async () => {
    const error = await remoteFile(`${server.url}/files/none?key=secret`, { retry }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "REMOTE", status: 404 });
    expect(String(error)).toContain(`${server.url}/files/none`);
    expect(JSON.stringify([String(error), (error as RemoteError).details])).not.toContain("secret");
  });
});

describe("remoteFile in a page", () => {
  const plain = (init: RequestInit | undefined) => init?.headers as Record<string, string>;

  it("asks for the size where it may not see Content-Range", async () => {
    const blind: typeof fetch = async (url, init) => {
      const response = await fetch(url, init);
      const headers = new Headers(response.headers);
      headers.delete("content-range");
      return new Response(response.body, { status: response.status, headers });
    };
    const source = await open("big.bin", { fetch: blind });
    expect(source.size).toBe(BIG.length);
    expect(Buffer.from(await readAll(source, 1e9)).equals(BIG)).toBe(true);
    expect(server.requests.filter(({ method }) => method === "HEAD")).toHaveLength(1);
  });

  it("reads on where the server does not allow If-Range", async () => {
    const strict: typeof fetch = (url, init) =>
      plain(init)["if-range"] === undefined ? fetch(url, init) : Promise.reject(new TypeError("Failed to fetch"));
    const source = await open("big.bin", { fetch: strict });
    expect(Buffer.from(await readAll(source, 1e9)).equals(BIG)).toBe(true);
  });

  it("lets the browser follow redirects that it does not show", async () => {
    server.fault = ({ side }) =>
      side === "hub" ? { status: 302, headers: { location: `${server.cdnUrl}/big.bin` } } : undefined;
    const hiding: typeof fetch = async (url, init) => {
      const response = await fetch(url, init);
      if (response.status !== 302) return response;
      return Object.defineProperty(new Response(null), "type", { value: "opaqueredirect" });
    };
    const source = await open("big.bin", { fetch: hiding });
    await source.read(5_000_000, new Uint8Array(10));
    expect(server.requests.map(({ side }) => side)).toEqual(["hub", "hub", "cdn", "cdn"]);
  });
});
