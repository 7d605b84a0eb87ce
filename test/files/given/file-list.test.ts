import { describe, expect, it } from "vitest";
import { listFolder } from "../../../src/files/given/file-list.ts";

const file = (name: string, path = "") =>
  Object.defineProperty(new File([name], name), "webkitRelativePath", { value: path });

describe("listFolder", () => {
  it("takes files that were picked one by one, in any kind of list", async () => {
    const list = { 0: file("config.json"), 1: file("model.safetensors"), length: 2 };
    for (const given of [list, Object.values({ ...list }).slice(0, 2) as File[]]) {
      const folder = listFolder(given);
      expect(folder.name).toBe("model");
      expect(await folder.list()).toEqual(["config.json", "model.safetensors"]);
      expect((await folder.open("config.json"))?.size).toBe("config.json".length);
      expect(await folder.open("other")).toBeUndefined();
    }
  });

  it("takes a picked folder by its name, without the files of its sub-folders", async () => {
    const picked = [file("config.json", "fable/config.json"), file("config.json", "fable/old/config.json")];
    const folder = listFolder(picked);
    expect(folder.name).toBe("fable");
    expect(await folder.list()).toEqual(["config.json"]);
    expect((await folder.open("config.json"))?.name).toBe("fable/config.json");
  });

  it("refuses two files of one name, so that no model is mixed from two", () => {
    expect(() => listFolder([file("config.json"), file("config.json")])).toThrow("found two files called config.json");
    expect(() => listFolder([file("a", "x/a"), file("a", "y/a")])).toThrow("found two files called a");
  });
});
