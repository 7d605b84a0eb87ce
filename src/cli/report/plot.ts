/** Draws figures as SVG text, without a browser. */
import { type PlotOptions, plot } from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { escapeHtml } from "./format.ts";

/** A figure is drawn twice, for wide windows and for telephones: text shrunk to a third cannot be read. */
export interface Size {
  readonly kind: "wide" | "narrow";
  readonly width: number;
  readonly fontSize: number;
}

export const SIZES: readonly Size[] = [
  { kind: "wide", width: 900, fontSize: 14 },
  { kind: "narrow", width: 380, fontSize: 12 },
];

/** The figure in both sizes under its caption, of which the style sheet shows one. `caption` is HTML, `title` is text. */
export function figure(title: string, caption: string, draw: (size: Size) => string): string {
  const drawn = SIZES.map((size) => `<div class="${size.kind}">${draw(size)}</div>`);
  return `<figure>\n<figcaption><strong>${escapeHtml(title)}.</strong> ${caption}</figcaption>\n${drawn.join("\n")}\n</figure>`;
}

export function drawPlot(title: string, size: Size, options: PlotOptions): string {
  const { document } = parseHTML("<html></html>");
  const style = { fontSize: `${size.fontSize}px`, background: "none", overflow: "visible" };
  const svg = plot({ ...options, document, width: size.width, style });
  // The library's own style sheet sets a white ground; the page's has all that is needed.
  svg.querySelector("style")?.remove();
  for (const attribute of ["class", "width", "height"]) svg.removeAttribute(attribute);
  svg.setAttribute("role", "img");
  const name = document.createElementNS("http://www.w3.org/2000/svg", "title");
  name.textContent = title;
  svg.prepend(name);
  return svg.outerHTML;
}
