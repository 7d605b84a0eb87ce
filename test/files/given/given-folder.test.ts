import { describe, expect, it } from "vitest";
import { QuernError, UsageError } from "../../../src/base/errors.ts";
import { givenFolder } from "../../../src/files/given/given-folder.ts";
import { type ByteSource, bytesSource, type FolderSource, filesFolder, readAll } from "../../../src/files/source.ts";
import { loadModel } from "../../../src/web.ts";

const bytes = new TextEncoder().encode("{}");

const contentOf = async (folder: FolderSource, file: string) => readAll((await folder.open(file)) as ByteSource, 1000);

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
    await expect(loadModel({ list: async () => [], open: async () => 7 } as never)).rejects.toThrow(
      "model/config.json: found a number",
    );
  });

  it.each<[string, () => unknown]>([
    ["a buffer", () => bytes.buffer],
    ["a view of another type", () => new DataView(bytes.buffer)],
    ["a view that begins inside its buffer", () => new Uint8Array([9, 9, ...bytes]).subarray(2)],
    ["a blob", () => new Blob([bytes])],
    ["a response", () => new Response(bytes)],
    ["a promise of a response", () => Promise.resolve(new Response(bytes))],
    ["a source", () => bytesSource("elsewhere", bytes)],
  ])("reads %s as a file of a record and of a map, as often as it is opened", async (_, make) => {
    for (const folder of [givenFolder({ "a.json": make() }), givenFolder(new Map([["a.json", make()]]))]) {
      expect(await folder.list()).toEqual(["a.json"]);
      for (let time = 0; time < 2; time++) expect(await contentOf(folder, "a.json")).toEqual(bytes);
      await folder.close();
    }
  });

  it("refuses a response that reports a failure, and one whose body was read", async () => {
    const failed = givenFolder({ "a.json": new Response("no", { status: 404 }) });
    await expect(failed.open("a.json")).rejects.toThrow("model/a.json: found a response with status 404");
    const read = new Response("{}");
    await read.text();
    await expect(givenFolder({ "a.json": read }).open("a.json")).rejects.toThrow("whose body was read before");
  });

  it.each<[string, () => unknown, string]>([
    ["bytes", () => bytes, "model.gguf"],
    ["a buffer", () => bytes.buffer, "model.gguf"],
    ["a blob", () => new Blob([bytes]), "model.gguf"],
    ["a file", () => new File([bytes], "tiny-q4.gguf"), "tiny-q4.gguf"],
    ["a response", () => new Response(bytes), "model.gguf"],
    ["a source", () => bytesSource("models/tiny.gguf", bytes), "tiny.gguf"],
  ])("takes %s alone as a folder with one file", async (_, make, name) => {
    const folder = givenFolder(make());
    expect(await folder.list()).toEqual([name]);
    expect(await contentOf(folder, name)).toEqual(bytes);
  });

  it.each<[string, unknown, string]>([
    ["null", null, "found null"],
    ["undefined", undefined, "found undefined"],
    ["a number", 3, "found a number"],
    ["an empty list", [], "found an empty list of files"],
    ["a list of other things", [new File([], "config.json"), "x"], 'model[1]: found the text "x", expected a File'],
    ["half a folder", { open: () => undefined }, "found an object with open but without list"],
  ])("refuses %s, in a page too", async (_, source, message) => {
    expect(() => givenFolder(source)).toThrow(UsageError);
    expect(() => givenFolder(source)).toThrow(message);
    await expect(loadModel(source as never)).rejects.toThrow(message);
  });

  it.each<[string, unknown, string]>([
    ["text", "text", "a Blob, a Response or a ByteSource; new TextEncoder()"],
    ["the promise of a text", Promise.resolve("text"), 'found the text "text"'],
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
