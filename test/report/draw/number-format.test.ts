import { describe, expect, it } from "vitest";
import {
  digits,
  escapeHtml,
  klDecimals,
  megabytes,
  NOTHING,
  percent,
  plural,
  probability,
  signed,
  span,
} from "../../../src/report/draw/number-format.ts";

describe("numbers of the page", () => {
  it("have a minus sign, and a dash where there is none", () => {
    expect([digits(-1.25, 1), digits(2, 2)]).toEqual(["\u22121.3", "2.00"]);
    expect([digits(undefined, 1), digits(Number.NaN, 1), digits(Number.POSITIVE_INFINITY, 1)]).toEqual([
      NOTHING,
      NOTHING,
      NOTHING,
    ]);
    expect([signed(0.5, 1), signed(-0.5, 1), signed(0, 1)]).toEqual(["+0.5", "\u22120.5", "0.0"]);
  });

  it("are bounded where a resample can say no more", () => {
    expect([probability(0), probability(0.0009), probability(0.001), probability(1)]).toEqual([
      ...["< 0.001", "< 0.001", "0.001", "1.000"],
    ]);
  });

  it("show three digits of a KL, and no more than eight decimals", () => {
    expect([0.5, 0.05, 0.0005, 1e-6, 2e-9, 0].map(klDecimals)).toEqual([4, 4, 6, 8, 4, 4]);
  });

  it("say how large, what part and how many", () => {
    expect([megabytes(17_654_321), megabytes(2_345_678_901)]).toEqual(["17.65", "2346"]);
    expect([percent(0.1234), percent(undefined), percent(1, 0)]).toEqual(["12.3 %", NOTHING, "100 %"]);
    expect([plural(1, "cell"), plural(0, "cell")]).toEqual(["1 cell", "0 cells"]);
    expect([span([-1, 2], 1), span([0, Number.POSITIVE_INFINITY], 1)]).toEqual(["\u22121.0 to +2.0", NOTHING]);
  });
});

describe("escapeHtml", () => {
  it("leaves nothing that a page would read as markup", () => {
    expect(escapeHtml(`<a href="x" title='y'>&amp;</a>`)).toBe(
      "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;",
    );
  });
});
