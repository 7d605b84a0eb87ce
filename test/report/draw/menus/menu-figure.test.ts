import { describe, expect, it } from "vitest";
import { drawGains } from "../../../../src/report/draw/menus/gain-bars.ts";
import { drawMenus } from "../../../../src/report/draw/menus/menu-figure.ts";
import { HALF, SMALL, WIDE } from "../../../../src/report/draw/svg-figure.ts";
import { claimsOf } from "../../../../src/report/results/claims.ts";
import { type Design, designOf } from "../../../../src/report/results/design.ts";
import { madeUpMenus } from "../../made-up-menus.ts";
import { modelsOf } from "../../report-lines.ts";

const [model] = modelsOf(...madeUpMenus("m"));
const design = designOf(model) as Design;
const SIZES = [...WIDE, ...HALF, ...SMALL];
const textsOf = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]+)</g)].map(([, text]) => text);

describe("drawMenus", () => {
  it.each(SIZES)(
    "has dashed lines for rules and whole ones for knapsacks, in a colour for each menu ($kind)",
    (size) => {
      const svg = drawMenus(model, design, size);
      const lines = [...svg.matchAll(/<g[^>]*aria-label="line"[^>]*>/g)].map(([line]) => line);
      const looks = lines.map((line) => [
        /stroke="(var[^"]*)"/.exec(line)?.[1],
        /stroke-dasharray="([^"]*)"/.exec(line)?.[1],
      ]);
      const [narrow, wide] = ["var(--other)", "var(--front)"];
      expect(looks).toEqual([
        [narrow, "6 4"],
        [narrow, "0"],
        [wide, "6 4"],
        [wide, "0"],
      ]);
    },
  );

  it("has a band from the least to the largest seed of random plans for each menu", () => {
    const svg = drawMenus(model, design, WIDE[0]);
    expect(svg.match(/aria-label="area"/g)?.length).toBe(2);
    expect(textsOf(svg).filter((text) => text === "random plans").length).toBe(1);
  });
});

describe("drawGains", () => {
  const groups = claimsOf(model).filter(({ kind }) => kind === "rule");
  const rows = groups.map((group) => ({ group, colour: "var(--front)", isShown: () => true }));

  it("has a bar for each budget with its gain in percent, and names the axis once", () => {
    const svg = drawGains("m", rows, WIDE[0]);
    const [first, second] = svg.split("</svg>");
    for (const budget of ["2.1", "2.6", "3", "4.2"]) expect(textsOf(first)).toContain(budget);
    const gains = groups[0].claims.map(({ found }) => String(Math.round(100 * found.gain)));
    expect(textsOf(first)).toEqual(expect.arrayContaining(gains));
    const axis = "bits a weight at most";
    expect([textsOf(first).includes(axis), textsOf(second).includes(axis)]).toEqual([false, true]);
  });

  it("draws what is not shown to differ paler, and tells intervals where bars are pointed at", () => {
    const pale = drawGains(
      "m",
      rows.map((row) => ({ ...row, isShown: () => false })),
      WIDE[0],
    );
    expect(drawGains("m", rows, WIDE[0])).not.toContain('fill-opacity="0.25"');
    expect(pale.match(/fill-opacity="0.25"/g)?.length).toBe(8);
    const [{ found }] = groups[0].claims;
    const ends = [found.interval[1], found.interval[0]].map((end) => ((-100 * end) / found.theirs).toFixed(1));
    expect(pale).toContain(
      `<title>${(100 * found.gain).toFixed(1)} % (95 %: ${ends.join(" to ").replace(/-/g, "\u2212")}) at 2.1 bits</title>`,
    );
  });
});
