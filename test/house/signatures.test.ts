import { describe, expect, it } from "vitest";
import { exportsOf, topicsOf } from "./reading/exported.ts";
import { ENTRIES } from "./reading/rooms.ts";
import { signaturesOf } from "./reading/signatures.ts";
import { readRepository } from "./reading/sources.ts";

/** Everything behind these is one bag of options, whose names say what they are. */
const MOST = 3;

describe.each(ENTRIES)("functions, constructors and methods of %s", (entry) => {
  const files = [entry, ...topicsOf(entry).map(({ file }) => file)];
  const exported = files.flatMap((file) => exportsOf(file));
  const found = exported.flatMap(({ file, name }) =>
    signaturesOf(readRepository(file), name).map((signature) => ({ file, ...signature })),
  );

  it("are found", () => expect(found.length).toBeGreaterThan(3));

  it(`take at most ${MOST} positional parameters`, () => {
    const long = found.filter(({ parameters }) => parameters.length > MOST);
    expect(long.map(({ file, name, parameters }) => `${file}: ${name}(${parameters.join(", ")})`)).toEqual([]);
  });
});

describe("signaturesOf", () => {
  const counts = (text: string) =>
    signaturesOf(text, "a").map(({ name, parameters }) => [name, parameters.length] as const);

  it("counts the parameters of functions, whatever their types and defaults", () => {
    expect(counts("export function a(): void {}")).toEqual([["a", 0]]);
    expect(counts("export async function a<T extends X<Y>>(b: T, c = f(1, 2)): Promise<void> {}")).toEqual([["a", 2]]);
    expect(
      counts("export function a(\n  { b, c }: { b: Map<X, Y>; c: [X, Y] },\n  d: (e: X, f: Y) => Z,\n): Z {}"),
    ).toEqual([["a", 2]]);
    expect(counts("export const a = async (b: X, c: Y) => z;\nexport type ab = (b: X) => Y;")).toEqual([["a", 2]]);
    expect(counts("export type a = (b: X, ...c: Y[]) => Z;")).toEqual([["a", 2]]);
    expect(counts('export const a = { b: "(", c: f(1, 2, 3, 4) };')).toEqual([]);
  });

  it("counts those of every member of classes and interfaces that others can call", () => {
    const members = `export class a extends b<c> implements d {
  readonly e: Map<f, g> = new Map();
  readonly h: (i: j, k: l) => m;
  #n = { o: 1 };
  constructor(b: c, d: { e: f; g: h }) { super(b, c); for (let x = 0; x < y; x++) { y(1 << 2, 2, 3); } }
  private static i(j: k, l: m, n: o): void {}
  static async p<q>(r: s, t: u): Promise<{ v: w }> { call(1, 2); }
  #x(y: z, a: b): void {}
  get y(): z { return this.#n; }
  [Symbol.dispose](): void {}
}`;
    expect(counts(members)).toEqual([
      ["a.h", 2],
      ["a.constructor", 2],
      ["a.p", 2],
      ["a.y", 0],
    ]);
    expect(
      counts("export interface a<B = { c: d }> {\n  e(f: g, h?: i): Promise<j>;\n  readonly k: l;\n  m?(n: o): p;\n}"),
    ).toEqual([
      ["a.e", 2],
      ["a.m", 1],
    ]);
  });
});
