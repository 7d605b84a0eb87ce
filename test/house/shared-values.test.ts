/** What the build does to scripts after minifying, and the program of workers that it must leave as it is. */

import { parseAst } from "rolldown/parseAst";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

const { withSharedValues } = (await import(repositoryFile("scripts/shared-values.mjs"))) as {
  withSharedValues(script: string): string;
};

/** So many uses of a value that a variable is shorter. */
const often = (use: string) => Array.from({ length: 12 }, () => use).join(";");
const evaluate = (code: string) => new Function(`${code}\nreturn result`)() as unknown;

describe("a value that a script repeats", () => {
  it.each([
    [
      "texts",
      'let a={b:"some text",n:0},c=()=>{switch(a.b){case"some text":return"some text"}};',
      'a.n+=+(c()==="some text")',
    ],
    ["fields that a text names", 'let a={"some text":1,n:0};', 'a.n+=a["some text"]+("some text"in a)'],
    [
      "functions of the language",
      "let a={n:0,f(...x){return Math.max(...x)+Array.from(x).length}};",
      "a.n+=Math.max(1,2)+Array.from([1]).length+Object.keys(a).length",
    ],
    ["constructors", "let a={n:0};", "a.n+=new Float32Array(3).length+(new Uint8Array(2)instanceof Uint8Array)"],
    ["undefined", "let a={n:0};", "a.n+=+(a.m===void 0)+(()=>{return void 0,1})()"],
    ["fields of the same name", "let a={Number:1,n:0};", "a.n+=a.Number+Number(2);var{Number:b}=a"],
  ])("%s has a variable, and the script the same result", (_, setup, use) => {
    const script = `${setup}${often(use)};let result=a.n;`;
    const short = withSharedValues(script);
    expect(short.length).toBeLessThan(script.length);
    expect(evaluate(short)).toBe(evaluate(script));
  });

  it.each([
    ["what `typeof` is compared with", 'typeof a=="function"'],
    ["specifiers", 'import("./some-file.js")'],
    ["URLs of files", 'new URL("./some-file.js",import.meta.url)'],
    ["what may be replaced later", "Math.random()"],
    ["what a runtime may lack", "SharedArrayBuffer"],
    ["what is set", "JSON.longName=1"],
  ])("stays as it is: %s", (_, use) => {
    expect(withSharedValues(often(use))).toBe(often(use));
  });

  it("stays as it is in a function whose text is a program", () => {
    const inner = often('self.name="some text"');
    const script = `let f=()=>{${inner}};let p=()=>\`const f=\${f};globalThis.f()\`;${often('g("some text")')}`;
    expect(withSharedValues(script)).toContain(`f=()=>{${inner}};`);
    expect(withSharedValues(script)).toContain('="some text"');
  });

  it("is refused where a script has a variable of that name", () => {
    for (const own of ["let Number=1", "(Object)=>1", "function f({a:[String]}){}"])
      expect(() => withSharedValues(own)).toThrow(/found a variable (?:Number|Object|String), expected only that/);
  });
});

describe("the program of workers", () => {
  it("uses nothing of the script that has its text", async () => {
    const sources: string[] = [];
    const threads = process.getBuiltinModule("node:worker_threads");
    const { Worker } = threads;
    const { createMachine } = (await import(repositoryFile("dist/index.js"))) as typeof import("../../src/index.ts");
    threads.Worker = class extends Worker {
      constructor(url: URL) {
        super(url);
        sources.push(decodeURIComponent(url.href.slice(url.href.indexOf(",") + 1)));
      }
    };
    try {
      await using machine = await createMachine({ threads: 2 });
      expect(machine.threads).toBe(2);
    } finally {
      threads.Worker = Worker;
    }
    expect(sources).toHaveLength(1);
    const free = freeNames(parseAst(sources[0]));
    expect(free).toContain("Atomics");
    expect(free.filter((name) => !(name in globalThis))).toEqual([]);
  });
});

/** The names that a program uses as variables and declares nowhere. */
function freeNames(program: unknown): readonly string[] {
  const [used, declared] = [new Set<string>(), new Set<string>()];
  const visit = (node: unknown, field: string, parent: Readonly<Record<string, unknown>>, isPattern: boolean) => {
    if (node === null || typeof node !== "object") return;
    const fields = node as Readonly<Record<string, unknown>>;
    if (Array.isArray(node)) for (const child of node) visit(child, field, parent, isPattern);
    const declares = (isPattern && fields["type"] !== "MemberExpression") || ["id", "params", "param"].includes(field);
    const isName = !parent["computed"] && (field === "key" || field === "property");
    if (fields["type"] === "Identifier" && !isName) (declares ? declared : used).add(fields["name"] as string);
    if (!Array.isArray(node))
      for (const [name, child] of Object.entries(fields)) visit(child, name, fields, declares && name !== "right");
  };
  visit(program, "", {}, false);
  return [...used].filter((name) => !declared.has(name));
}
