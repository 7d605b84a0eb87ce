import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { listFiles, readRepository, resolveImport, SOURCES, specifiersOf } from "./reading/sources.ts";

const SCRIPTS = ["scripts", "bench", "ci", "test/runtimes"].flatMap((folder) => listFiles(folder, ".mjs"));

/** The sources whose build a script imports: `../dist/quantize.js` is `src/quantize.ts`. */
function builtFrom(script: string): string[] {
  return specifiersOf(readRepository(script))
    .flatMap((specifier) => resolveImport(script, specifier) ?? [])
    .filter((path) => path.startsWith("dist/"))
    .map((path) => posix.join("src", path.slice("dist/".length)).replace(/\.js$/, ".ts"));
}

/** The names that a script imports from what is built, by the built file. */
function namesFrom(script: string): readonly (readonly [file: string, names: readonly string[]])[] {
  const imports = [...readRepository(script).matchAll(/^import \{([^}]*)\} from "(\.[^"]+)";/gm)];
  return imports
    .map(([, list, specifier]) => {
      const names = list.split(",").map((item) => item.trim().split(" ")[0]);
      return [resolveImport(script, specifier) as string, names.filter((name) => name !== "")] as const;
    })
    .filter(([file]) => file.startsWith("dist/"));
}

describe("scripts", () => {
  it("are found, and some import what is built", () => {
    expect(SCRIPTS.flatMap(builtFrom).length).toBeGreaterThan(3);
  });

  it.each(SCRIPTS)("%s imports modules that are built from a source", (script) => {
    expect(builtFrom(script).filter((source) => !SOURCES.includes(source))).toEqual([]);
  });

  it.each(SCRIPTS)("%s imports only names that its modules have", async (script) => {
    for (const [file, names] of namesFrom(script)) {
      const exported = Object.keys((await import(repositoryFile(file))) as object);
      expect(exported).toEqual(expect.arrayContaining([...names]));
    }
  });
});
