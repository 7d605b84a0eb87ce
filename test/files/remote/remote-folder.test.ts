import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { remoteFolder } from "../../../src/files/remote/remote-folder.ts";
import { readAll } from "../../../src/files/source.ts";
import { HubServer } from "../../helpers/hub-server.ts";

const text = (value: string) => new TextEncoder().encode(value);
const FILES = {
  "m/config.json": text("{}"),
  "m/tokenizer.json": text("[]"),
  "m/odd name#1.safetensors": text("odd"),
  "g/a-00001-of-00002.gguf": text("one"),
  "g/a-00002-of-00002.gguf": text("two"),
  "g/config.json": text("{}"),
};
const retry = { attempts: 2, firstMs: 1, mostMs: 2 };
let server: HubServer;

beforeEach(async () => {
  server = await HubServer.start({ files: FILES });
});
afterEach(() => server[Symbol.asyncDispose]());
const at = (path: string) => `${server.url}/files/${path}`;

describe("remoteFolder", () => {
  it.each(["m", "m/", "m//"])("tries the names that models have at %s", async (path) => {
    const folder = remoteFolder(new URL(at(path)), { retry });
    expect(await folder.list()).toEqual(["config.json", "tokenizer.json"]);
    expect(folder.name).toBe(at("m"));
    const odd = await folder.open("odd name#1.safetensors");
    expect(odd && new TextDecoder().decode(await readAll(odd, 100))).toBe("odd");
    expect(await folder.open("none")).toBeUndefined();
  });

  it("keeps a query, asks for each file once, and names no query in errors", async () => {
    const folder = remoteFolder(`${at("m/")}?key=secret#part`, { retry });
    await Promise.all([folder.open("config.json"), folder.open("config.json")]);
    await folder.list();
    const paths = server.requests.map(({ path }) => path).filter((path) => path.includes("config.json"));
    expect(paths.filter((path) => path.includes("/config.json"))).toEqual(["/files/m/config.json?key=secret"]);
    server.fault = () => ({ status: 500 });
    await expect(folder.open("other.json")).rejects.toThrow(`${at("m/other.json")}: the server answered 500`);
  });

  it("opens a GGUF file and the other parts of its model, and nothing else beside it", async () => {
    const folder = remoteFolder(at("g/a-00001-of-00002.gguf"), { retry });
    expect(await folder.list()).toEqual(["a-00001-of-00002.gguf"]);
    expect((await folder.open("a-00002-of-00002.gguf"))?.size).toBe(3);
    expect(await remoteFolder(at("g/m.quern"), { retry }).list()).toEqual(["m.quern"]);
    expect(await folder.open("config.json")).toBeUndefined();
  });

  it("takes a web page, and a refusal beside files that are there, as a file that is not there", async () => {
    const page = { headers: { "content-type": "text/html; charset=utf-8" } };
    server.fault = ({ path }) =>
      path.endsWith("model.safetensors") ? { ...page, content: text("<html>") } : undefined;
    expect(await remoteFolder(at("m"), { retry }).list()).toEqual(["config.json", "tokenizer.json"]);
    server.fault = ({ path }) =>
      path.endsWith("/config.json") || path.endsWith("r.json") ? undefined : { status: 403 };
    expect(await remoteFolder(at("m"), { retry }).list()).toEqual(["config.json", "tokenizer.json"]);
    server.fault = () => ({ status: 403 });
    await expect(remoteFolder(at("m"), { retry }).list()).rejects.toThrow(/forbids it \(status 403\)/);
  });

  it("finds weights of other names in the server's page of the folder", async () => {
    const links = [
      "a%20b.gguf",
      "./c.safetensors",
      "../d.gguf",
      "e/f.gguf",
      "http://host/g.gguf",
      "%2e%2e%2fh.gguf",
      "%.gguf",
    ];
    const content = text(links.map((link) => `<a href="${link}">x</a>`).join("\n"));
    server.fault = ({ path }) =>
      path === "/files/m/" ? { content, headers: { "content-type": "text/html" } } : undefined;
    expect(await remoteFolder(at("m"), { retry }).list()).toEqual([
      "a b.gguf",
      "c.safetensors",
      "config.json",
      "tokenizer.json",
    ]);
  });

  it("sends a login to the first host only", async () => {
    const url = new URL(at("m/"));
    url.username = "me";
    url.password = "pass:word";
    server.fault = ({ side, path }) =>
      side === "hub" && path.endsWith("config.json")
        ? { status: 302, headers: { location: `${server.cdnUrl}/m/config.json` } }
        : undefined;
    const folder = remoteFolder(url, { retry });
    expect((await folder.open("config.json"))?.size).toBe(2);
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Basic ${btoa("me:pass:word")}`,
      undefined,
    ]);
    expect(folder.name).not.toContain("pass");
  });

  it.each(["../x", "a/b", "..", "", "a\\b"])("refuses the name %j", async (name) => {
    await expect(remoteFolder(at("m")).open(name)).rejects.toThrow("expected the plain name");
  });

  it.each([
    ["file:///etc/passwd", /begins with file:/],
    ["", /is no URL|redirects/],
  ])("refuses a redirect to %j", async (location, message) => {
    server.fault = () => ({ status: 302, headers: { location } });
    await expect(remoteFolder(at("m"), { retry }).open("config.json")).rejects.toThrow(message);
  });
});
