/** The import map of the pages of bench/peers. */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

interface ImportMap {
  browserEntry(json: unknown): string | undefined;
  importMap(root: string, base: string): { readonly imports: Readonly<Record<string, string>> };
}
const { browserEntry, importMap } = (await import(
  repositoryFile("bench/peers/hosts/import-map.mjs")
)) as unknown as ImportMap;

describe("browserEntry", () => {
  it.each([
    ["a path", { exports: "./a.js" }, "./a.js"],
    ["conditions without a dot", { exports: { import: "./a.js", require: "./b.js" } }, "./a.js"],
    [
      "a nested condition after one of Node",
      { exports: { ".": { node: { import: "./n.js" }, browser: { import: "./a.js" } } } },
      "./a.js",
    ],
    ["the module of a package without exports", { module: "a.mjs", main: "b.js" }, "a.mjs"],
    ["nothing for a package of Node only", { exports: { ".": { require: "./b.js" } } }, undefined],
  ])("takes %s", (_, json, expected) => {
    expect(browserEntry(json)).toBe(expected);
  });
});

describe("importMap", () => {
  it("names a file of every package that the library depends on", () => {
    const { imports } = importMap(repositoryFile(""), "/modules");
    expect(Object.keys(imports)).toContain("@assemblyscript/loader");
    for (const address of Object.values(imports))
      expect(existsSync(repositoryFile(address.replace("/modules", "node_modules"))), address).toBe(true);
  });
});
