import { dot, frame, gridX, line, type PlotOptions, plot, ruleY, text } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { SvgDocument, SvgElement } from "../../../../src/report/draw/svg/svg-document.ts";

const POINTS = Array.from({ length: 9 }, (_, i) => ({ x: i, y: (i * i) % 7, name: `<${i}> & "more"\u00a0` }));

/** What our figures use, and a clipped mark, titles and facets besides. */
const OPTIONS: PlotOptions = {
  width: 300,
  style: "font-size:12px;overflow:visible",
  marks: [
    frame(),
    gridX({ ticks: 4 }),
    ruleY([1, 2], { stroke: "red", strokeDasharray: "2,3" }),
    line(POINTS, { x: "x", y: "y", marker: "dot", clip: true }),
    dot(POINTS, { x: "x", y: "y", title: "name", fy: (point: { x: number }) => point.x % 2 }),
    text(POINTS, { x: "x", y: "y", text: "name", lineWidth: 2 }),
  ],
};

describe("SvgDocument", () => {
  it("gives the plot library's figures as a DOM of others does", () => {
    const ours = plot({ ...OPTIONS, document: new SvgDocument() as unknown as Document }) as unknown as SvgElement;
    const { document } = parseHTML("<html></html>");
    const theirs = plot({ ...OPTIONS, document, style: { fontSize: "12px", overflow: "visible" } });
    // Identifiers of clips and markers are counted up from figure to figure.
    const withoutCounts = (svg: string) => svg.replace(/plot-(clip|marker)-\d+/g, "plot-$1");
    expect(ours.outerHTML.length).toBeGreaterThan(5000);
    expect(withoutCounts(ours.outerHTML)).toBe(withoutCounts(theirs.outerHTML));
  });

  it("moves an element that is inserted again, and writes texts escaped", () => {
    const document = new SvgDocument();
    const make = (name: string) => new SvgElement(name, document);
    const [root, a, b] = ["svg", "a", "b"].map(make);
    root.append(a, b, "1 < 2");
    root.appendChild(a);
    b.textContent = "&";
    b.setAttribute("n", '"');
    root.prepend(make("c"));
    expect(root.outerHTML).toBe('<svg><c /><b n="&quot;">&amp;</b>1 &lt; 2<a /></svg>');
    expect([a.ownerSVGElement, root.ownerSVGElement]).toEqual([root, null]);
    a.remove();
    a.remove();
    expect(root.children.map(({ tagName }) => tagName)).toEqual(["c", "b"]);
  });
});
