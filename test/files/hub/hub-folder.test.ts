import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hubFolder } from "../../../src/files/hub/hub-folder.ts";
import { readAll } from "../../../src/files/source.ts";
import { COMMIT, HubServer } from "../../helpers/hub-server.ts";

const text = (value: string) => new TextEncoder().encode(value);
const BIG = Uint8Array.from({ length: 700_000 }, (_, i) => (i * 7 + (i >> 9)) & 255);
const FILES = { "config.json": text("{}"), "model.safetensors": BIG, "README.md": text("#"), "sub/a.txt": text("a") };
const retry = { attempts: 3, firstMs: 1, mostMs: 5 };
const token = "hf_secret";
let server: HubServer;

const start = async (options: Partial<HubServer["options"]> = {}) => {
  await server?.[Symbol.asyncDispose]();
  server = await HubServer.start({ files: FILES, ...options });
};
beforeEach(() => start({ token }));
afterEach(() => server[Symbol.asyncDispose]());

const open = (reference = "hf:owner/name", options = {}) =>
  hubFolder(reference, { endpoint: server.url, token, retry, ...options });

describe("hubFolder", () => {
  it("lists and reads the files of a repository", async () => {
    const folder = await open();
    expect(folder.name).toBe("hf:owner/name");
    expect(await folder.list()).toEqual(["README.md", "config.json", "model.safetensors"]);
    for (const name of ["config.json", "model.safetensors"] as const) {
      const file = await folder.open(name);
      expect(file && Buffer.from(await readAll(file, 1e9)).equals(FILES[name])).toBe(true);
    }
    expect(await folder.open("none.json")).toBeUndefined();
    await expect(folder.open("sub/a.txt")).rejects.toThrow("expected the plain name");
  });

  it("reads files of one commit, from the hub once and then from where it redirects to", async () => {
    const folder = await open();
    const file = await folder.open("model.safetensors");
    for (const at of [300_000, 600_000]) await file?.read(at, new Uint8Array(10));
    const resolved = server.requests.filter(({ path }) => path.includes("/resolve/"));
    expect(resolved.map(({ path }) => path)).toEqual([`/owner/name/resolve/${COMMIT}/model.safetensors`]);
    expect(server.requests.filter(({ side }) => side === "cdn").length).toBeGreaterThan(1);
  });

  it("sends the token to the hub, and to no host that it redirects to", async () => {
    const file = await (await open()).open("model.safetensors");
    await file?.read(0, new Uint8Array(500_000));
    const tokens = (side: string) =>
      new Set(server.requests.filter((request) => request.side === side).map(({ headers }) => headers.authorization));
    expect(tokens("hub")).toEqual(new Set([`Bearer ${token}`]));
    expect(tokens("cdn")).toEqual(new Set([undefined]));
  });

  it("asks the hub for a new address when the one that it gave has run out", async () => {
    const file = await (await open()).open("model.safetensors");
    let left = 1;
    server.fault = ({ side }) => (side === "cdn" && left-- > 0 ? { status: 403 } : undefined);
    const into = new Uint8Array(10);
    await file?.read(650_000, into);
    expect(Buffer.from(into).equals(BIG.subarray(650_000, 650_010))).toBe(true);
  });

  it("reads lists of many pages", async () => {
    await start({ token, pageSize: 1 });
    expect(await (await open()).list()).toEqual(["README.md", "config.json", "model.safetensors"]);
  });

  it.each([
    [{ token: undefined }, "hf:owner/name", /gated .* HF_TOKEN/],
    [{ token: "hf_wrong" }, "hf:owner/name", /gated .* HF_TOKEN/],
    [{}, "hf:owner/other", /found no such repository/],
    [{}, "hf:owner/name@none", /found no revision "none"/],
    [{}, "hf:owner/name/none.gguf", /found no such file/],
    [{}, "hf:owner/name/none", /found no such file or folder/],
  ])("says why it gets nothing: %j, %s", async (options, reference, message) => {
    const error = await open(reference, options).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "REMOTE" });
    expect(String(error)).toMatch(message);
    expect(JSON.stringify([String(error), (error as { details: object }).details])).not.toContain("hf_");
  });

  it("refuses a repository of several models in files of their own, naming them, and opens the one that is named", async () => {
    const files = { "a-Q4_0.gguf": BIG, "b-00001-of-00002.gguf": BIG, "b-00002-of-00002.gguf": BIG };
    await start({ files: { ...files, "mmproj-a.gguf": BIG, "Q8/c.gguf": BIG } });
    await expect(open()).rejects.toThrow(
      "found a repository of 3 models, expected one of hf:owner/name/Q8/c.gguf, hf:owner/name/a-Q4_0.gguf, hf:owner/name/b-00001-of-00002.gguf",
    );
    const folder = await open("hf:owner/name/b-00001-of-00002.gguf");
    expect(await folder.list()).toEqual(["b-00001-of-00002.gguf"]);
    expect((await folder.open("b-00002-of-00002.gguf"))?.size).toBe(BIG.length);
    expect(await (await open("hf:owner/name/Q8/c.gguf")).list()).toEqual(["c.gguf"]);
    await start({ files: { "README.md": text("#"), "Q8/c.gguf": BIG } });
    expect(await (await open()).list()).toEqual(["c.gguf"]);
    await start({ files: { "README.md": text("#"), "m.quern": BIG } });
    expect(await (await open()).list()).toEqual(["m.quern"]);
    expect(await (await open("hf:owner/name@main/m.quern")).list()).toEqual(["m.quern"]);
  });

  it("refuses a file of another size than the list says", async () => {
    const folder = await open();
    server.fault = ({ side }) => (side === "cdn" ? { content: BIG.subarray(1) } : undefined);
    await expect(folder.open("model.safetensors")).rejects.toThrow(/found 699999 bytes, expected 700000/);
  });

  it("leaves out names that lead out of a folder, and refuses sizes that are none and lists that do not end", async () => {
    await start({ files: { ...FILES, "../evil.json": text("x"), "/etc/x": text("x"), "a\\b": text("x") } });
    expect(await (await open()).list()).toEqual(["README.md", "config.json", "model.safetensors"]);
    const answer = (body: unknown, headers = {}): typeof fetch => {
      const real = fetch;
      return async (url, init) => (String(url).includes("/tree/") ? Response.json(body, { headers }) : real(url, init));
    };
    const sized = answer([{ type: "file", path: "a", size: -1, oid: "x" }]);
    await expect(open("hf:owner/name", { fetch: sized })).rejects.toThrow(/found -1, expected a number of bytes/);
    const away = answer([], { link: '<http://other.example/page>; rel="next"' });
    await expect(open("hf:owner/name", { fetch: away })).rejects.toThrow(/goes on at another host/);
    const circle = answer([], { link: `<${server.url}/api/models/owner/name/tree/x>; rel="next"` });
    await expect(open("hf:owner/name", { fetch: circle })).rejects.toThrow(/does not end/);
  });

  it("refuses a token that no header can hold, without repeating it", async () => {
    const error = await open("hf:owner/name", { token: "hf secret\n" }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "USAGE" });
    expect(String(error)).not.toContain("secret");
  });
});
