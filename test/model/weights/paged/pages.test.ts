import { describe, expect, it } from "vitest";
import type { StoredMatrix } from "../../../../src/format/codecs/codec.ts";
import type { Linear } from "../../../../src/model/weights/linears.ts";
import { pagesOf, partsWithin, placesOf } from "../../../../src/model/weights/paged/pages.ts";

const linear = (name: string, role: Linear["role"], layer: number, expert = -1) =>
  ({ name, role, layer, expert, rows: 4, cols: 4, projection: "gate" }) as unknown as Linear;

const LINEARS = [
  linear("embedding", "embedding", -1),
  linear("q", "attention", 0),
  linear("router", "router", 0),
  linear("gate 0", "expert", 0, 0),
  linear("up 0", "expert", 0, 0),
  linear("gate 1", "expert", 0, 1),
  linear("shared", "shared", 0),
  linear("q of layer 1", "attention", 1),
  linear("head", "head", -1),
];
const stored = { memoryBytes: 104, diskBytes: 10 } as StoredMatrix;
const pages = pagesOf(LINEARS, () => stored, placesOf(LINEARS));

describe("pages", () => {
  it("have what is needed together, in the order of a pass", () => {
    expect(pages.map(({ linears }) => linears.map(({ name }) => name))).toEqual([
      ...[["embedding"], ["q"], ["router"], ["gate 0", "up 0"], ["gate 1"], ["shared"], ["q of layer 1"], ["head"]],
    ]);
    const places = pages.map(({ place }) => place);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(Math.max(...places)).toBeLessThan(placesOf(LINEARS));
    expect(pages[3].bytes).toBe(2 * pages[0].bytes);
    expect(pages[3].diskBytes).toBe(20);
  });

  it("are divided into parts that fit, without those that are held or that no page has", () => {
    const experts = LINEARS.filter(({ role }) => role === "expert");
    const free = linear("replaced", "expert", 0, 2);
    const pageOf = (one: Linear) => pages.find(({ linears }) => linears.includes(one));
    const namesWithin = (room: number) =>
      partsWithin([...experts, free], pageOf, room).map((part) => part.map(({ name }) => name));
    const { bytes } = pages[0];
    expect(namesWithin(3 * bytes)).toEqual([["gate 0", "up 0", "gate 1", "replaced"]]);
    expect(namesWithin(2 * bytes)).toEqual([
      ["gate 0", "up 0"],
      ["gate 1", "replaced"],
    ]);
    expect(namesWithin(0)).toEqual([["gate 0", "up 0"], ["gate 1"], ["replaced"]]);
    pages[3].holds++;
    expect(namesWithin(bytes)).toEqual([["gate 0", "up 0", "gate 1", "replaced"]]);
    pages[3].holds--;
  });
});
