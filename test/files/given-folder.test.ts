import { describe, expect, it } from "vitest";
import { QuernError, UsageError } from "../../src/base/errors.ts";
import { givenFolder } from "../../src/files/given-folder.ts";
import { bytesSource, filesFolder } from "../../src/files/source.ts";
import { loadModel } from "../../src/web.ts";

const bytes = new TextEncoder().encode("{}");

describe("givenFolder", () => {
  it("takes files by name and whatever opens files", async () => {
    expect(await givenFolder({ "config.json": bytes }).list()).toEqual(["config.json"]);
    const folder = filesFolder("m", { a: bytesSource("a", bytes), b: new Blob([bytes]) });
    expect(await (await givenFolder(folder).open("b"))?.size).toBe(2);
    expect(await givenFolder(folder).open("c")).toBeUndefined();
  });

  it("takes bytes and blobs that a folder opens, and refuses what holds none", async () => {
    const opens = (file: unknown) =>
      givenFolder({ name: "m", list: async () => [], open: async () => file, close: async () => {} });
    expect((await opens(bytes).open("config.json"))?.name).toBe("m/config.json");
    expect(await opens(null).open("config.json")).toBeUndefined();
    await expect(opens("text").open("config.json")).rejects.toThrow("m/config.json: found the text");
    await expect(loadModel({ list: async () => [], open: async () => new ArrayBuffer(2) } as never)).rejects.toThrow(
      "model/config.json: found a value of type ArrayBuffer",
    );
  });

  it.each<[string, unknown, string]>([
    ["null", null, "found null"],
    ["undefined", undefined, "found undefined"],
    ["a number", 3, "found a number"],
    ["a path", "models/m", 'found the text "models/m"'],
    ["a URL as text", "https://example.org/m", "URLs are not fetched here"],
    ["a URL", new URL("https://example.org/m"), 'found the text "https://example.org/m"'],
    ["a list of files", [new File([], "config.json"), new File([], "model.safetensors")], "found a list of 2"],
    ["a buffer", new ArrayBuffer(8), "found a value of type ArrayBuffer"],
    ["bytes", bytes, "found a value of type Uint8Array"],
    ["a blob", new Blob([]), "found a value of type Blob"],
    ["an answer", new Response("{}"), "found a value of type Response"],
    ["a promise", Promise.resolve({}), "found a value of type Promise"],
    ["a map", new Map([["config.json", bytes]]), "found a value of type Map"],
    ["half a folder", { open: () => undefined }, "found an object with open but without list"],
  ])("refuses %s, in a page too", async (_, source, message) => {
    expect(() => givenFolder(source)).toThrow(UsageError);
    expect(() => givenFolder(source)).toThrow(message);
    await expect(loadModel(source as never)).rejects.toThrow(message);
  });

  it.each<[string, unknown, string]>([
    ["text", "text", 'found the text "text", expected a Uint8Array, a Blob or a ByteSource; new TextEncoder()'],
    ["a buffer", new ArrayBuffer(8), "new Uint8Array(buffer)"],
    ["an answer", new Response("{}"), "await response.blob()"],
    ["a promise", Promise.resolve(bytes), "await it"],
    ["null", null, "found null"],
    ["an object", { model_type: "mixtral" }, "found an object"],
    ["a list", [1, 2], "found a list of 2"],
  ])("refuses %s as a file", async (_, file, message) => {
    const run = loadModel({ "config.json": file } as never);
    await expect(run).rejects.toBeInstanceOf(QuernError);
    await expect(run).rejects.toThrow("model/config.json: found");
    await expect(run).rejects.toThrow(message);
  });
});
