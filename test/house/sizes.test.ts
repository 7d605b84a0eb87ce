import { describe, expect, it } from "vitest";
import { groupBy } from "../../src/base/group-by.ts";
import { folderOf } from "./reading/rooms.ts";
import { functionsOf } from "./reading/skeleton.ts";
import { listFiles, readRepository, SOURCES } from "./reading/sources.ts";

/** Kernels are longer than other functions, and so are tests that hold a table of cases. */
const MOST_LINES = { src: { file: 250, function: 65 }, others: { file: 400, function: 100 } };
const FOLDER_FILES = 12;
const FILES = [...SOURCES, ...["assembly", "test", "bench"].flatMap((folder) => listFiles(folder))];

describe("sizes", () => {
  it.each(FILES)("%s is short, and so are its functions", (file) => {
    const text = readRepository(file);
    const most = file.startsWith("src/") ? MOST_LINES.src : MOST_LINES.others;
    expect(text.split("\n").length - 1).toBeLessThanOrEqual(most.file);
    // A `describe` only groups: the functions are inside it.
    const long = functionsOf(text)
      .filter(({ lines, grouping }) => lines > most.function && !grouping)
      .map(({ header, line, lines }) => `${file}:${line}: ${lines} lines: ${header}`);
    expect(long).toEqual([]);
  });
});

describe("folders of src and assembly", () => {
  // One file for each command of the program.
  const folders = groupBy([...SOURCES, ...listFiles("assembly")], folderOf);
  folders.delete("src/cli/commands");

  it.each([...folders])(`%s holds at most ${FOLDER_FILES} files side by side`, (_, files) => {
    expect(files.length).toBeLessThanOrEqual(FOLDER_FILES);
  });
});

describe("functionsOf", () => {
  const measured = (text: string) => functionsOf(text).map(({ line, lines }) => [line, lines]);

  it("measures functions, arrows, methods, accessors and decorated kernels from header to brace", () => {
    expect(measured("function a(): void {\n  b();\n}")).toEqual([[1, 3]]);
    expect(measured("\n\nconst a = (x: number) => {\n  b({ x });\n};")).toEqual([[3, 3]]);
    expect(measured("class A {\n  async b(\n    x: { y: number },\n  ): Promise<void> {\n  }\n}")).toEqual([[2, 4]]);
    expect(measured("function a({ b }: C): { d: E } {\n}")).toEqual([[1, 2]]);
    expect(measured("function a(): Promise<{ d: E }> {\n}")).toEqual([[1, 2]]);
    expect(measured("a(b, { c: 1 }, () => {\n});\nfunction d() {\n}")).toEqual([
      [1, 2],
      [3, 2],
    ]);
    expect(measured("class A {\n  get b(): number {\n    return 1;\n  }\n}")).toEqual([[2, 3]]);
    expect(measured("@inline export function a<W>(p: usize): v128 {\n\n\n}")).toEqual([[1, 4]]);
    expect(measured("it('x', () => {\n});")).toEqual([[1, 2]]);
  });

  it("passes over control flow, classes, literals and braces in text", () => {
    expect(measured("if (a) {\n} else {\n}\nfor (let i = 0; i < 3; i++) {\n}\nswitch (x) {\n}\n")).toEqual([]);
    expect(measured("export const a = {\n b: 1 };\nclass C<T> extends D {\n}\nimport { x } from 'y';")).toEqual([]);
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the braces in the text are the test
    expect(measured("const a = `{ ${b ? `{` : '{'} (`; // {\nconst c = /[/{]/; /* { */")).toEqual([]);
  });
});
