import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { exportsOf } from "./exported.ts";
import { ENTRIES } from "./rooms.ts";

describe.each(ENTRIES)("exports of %s", (entry) => {
  const found = exportsOf(entry);

  it("are all found", async () => {
    const values = Object.keys((await import(repositoryFile(entry))) as object);
    expect(values.length).toBeGreaterThan(3);
    const names = new Set(found.map(({ name }) => name));
    expect(values.filter((name) => !names.has(name))).toEqual([]);
  });

  it("say what they are", () => {
    const silent = found.filter(({ docstring }) => docstring === undefined || docstring.split(" ").length < 3);
    expect(silent.map(({ file, name }) => `${file}: ${name}`)).toEqual([]);
  });
});
