import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { listFiles, readRepository, resolveImport, SOURCES, specifiersOf } from "./reading/sources.ts";

const SCRIPTS = ["scripts", "bench", "ci"]
  .flatMap((folder) => listFiles(folder, ".mjs"))
  .filter((file) => !file.includes("node_modules"));

/** The sources whose build a script imports: `../dist/quantize.js` is `src/quantize.ts`. */
function builtFrom(script: string): string[] {
  return specifiersOf(readRepository(script))
    .flatMap((specifier) => resolveImport(script, specifier) ?? [])
    .filter((path) => path.startsWith("dist/"))
    .map((path) => posix.join("src", path.slice("dist/".length)).replace(/\.js$/, ".ts"));
}

describe("scripts", () => {
  it("are found, and some import what is built", () => {
    expect(SCRIPTS.flatMap(builtFrom).length).toBeGreaterThan(3);
  });

  it.each(SCRIPTS)("%s imports modules that are built from a source", (script) => {
    expect(builtFrom(script).filter((source) => !SOURCES.includes(source))).toEqual([]);
  });
});
