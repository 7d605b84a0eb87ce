import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { groupBy } from "../../src/base/group-by.ts";
import { exportsOf } from "./reading/exported.ts";
import { ENTRIES, folderOf } from "./reading/rooms.ts";
import { listFiles, readRepository, SOURCES } from "./reading/sources.ts";

const TESTS = listFiles("test").filter((file) => !file.startsWith("test/fixtures/"));
/** Folders of assembly/: tests of kernels and their naive twins lie in folders of the same names. */
const KERNEL_FOLDERS = new Set(listFiles("assembly").map((file) => folderOf(file).replace(/^assembly\/?/, "")));
const ofKernels = (folder: string) => [...KERNEL_FOLDERS].map((name) => posix.join(folder, name));
/** Folders of tests that belong to no room: what tests share, the kernels, and the house itself. */
const OTHER_FOLDERS = [
  ...["fuzz", "fuzz/areas", "fuzz/bits", "helpers", "house", "house/reading", "peers", "site"],
  ...ofKernels("kernels"),
  ...ofKernels("reference"),
  "reference/families",
];

/** Entries and commands are named after what they gather or call; everything else has a name of its own. */
const isNamedAfterAnother = (file: string) => ENTRIES.includes(file) || file.startsWith("src/cli/commands/");
const OWN = SOURCES.filter((file) => !isNamedAfterAnother(file));

/** Lists of more than one, each with the name that it has in common. */
function repeated(items: readonly string[], nameOf: (item: string) => string): readonly string[] {
  const groups = [...groupBy(items, nameOf)].filter(([, same]) => same.length > 1);
  return groups.map(([name, same]) => `${name}: ${same.join(", ")}`);
}

describe("names in src", () => {
  it("of two files differ, whatever folders they are in", () => {
    expect(repeated(OWN, (file) => posix.basename(file))).toEqual([]);
  });

  // Entries are built for one runtime each, and have their own ways to models and kernels.
  const ways = ["loadModel", "createMachine"];
  const exported = SOURCES.flatMap((file) =>
    exportsOf(file).flatMap(({ file: declared, name }) =>
      declared === file && !(ENTRIES.includes(file) && ways.includes(name)) ? [`${name} ${file}`] : [],
    ),
  );
  const nameOf = (item: string) => item.split(" ")[0];

  it("of two things that are exported differ, types included", () => {
    expect(exported.length).toBeGreaterThan(500);
    expect(repeated(exported, nameOf)).toEqual([]);
  });

  it("of a file's own types are not those of exported ones", () => {
    const taken = new Set(exported.map(nameOf));
    const own = SOURCES.flatMap((file) =>
      [...readRepository(file).matchAll(/^(?:abstract )?(?:class|interface|type) (\w+)/gm)].map(
        ([, name]) => `${name} ${file}`,
      ),
    );
    expect(own.length).toBeGreaterThan(100);
    expect(own.filter((item) => taken.has(nameOf(item)))).toEqual([]);
  });
});

describe("folders of tests", () => {
  const folders = [...new Set(TESTS.map(folderOf))].filter((folder) => folder !== "test");

  it("are those of src", () => {
    const known = new Set(SOURCES.map((file) => folderOf(file).replace(/^src/, "test")));
    const isAbove = (folder: string) => [...known].some((other) => other.startsWith(`${folder}/`));
    const others = OTHER_FOLDERS.map((folder) => `test/${folder}`);
    expect(folders.filter((folder) => !known.has(folder) && !isAbove(folder) && !others.includes(folder))).toEqual([]);
  });

  it("hold the tests that are named after a source of theirs", () => {
    const strays = TESTS.filter((file) => file.endsWith(".test.ts") && !file.startsWith("test/kernels/")).filter(
      (file) => {
        const name = posix.basename(file).replace(/\.test\.ts$/, ".ts");
        const folder = folderOf(file).replace(/^test/, "src");
        return SOURCES.some((source) => posix.basename(source) === name) && !SOURCES.includes(`${folder}/${name}`);
      },
    );
    expect(strays).toEqual([]);
  });
});
