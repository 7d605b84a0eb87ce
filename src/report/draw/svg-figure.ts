/** Draws figures as SVG text, without a browser. */
import { type PlotOptions, plot } from "@observablehq/plot";
import { escapeHtml } from "./number-format.ts";
import { SvgDocument, type SvgElement } from "./svg/svg-document.ts";

/** A figure is drawn twice, for wide windows and for telephones, because text shrunk to a third cannot be read. */
export interface Size {
  readonly kind: "wide" | "half" | "small" | "narrow";
  readonly width: number;
  readonly fontSize: number;
}

/** For figures that stand in rows of as many as fit; telephones show them one by one. */
export const SMALL: readonly Size[] = [{ kind: "small", width: 340, fontSize: 12 }];
const NARROW: Size = { kind: "narrow", width: 360, fontSize: 12 };
/** The sizes of a figure that is as wide as the page, or two of which stand side by side if there is room. */
export const WIDE: readonly Size[] = [{ kind: "wide", width: 960, fontSize: 14 }, NARROW];
export const HALF: readonly Size[] = [{ kind: "half", width: 520, fontSize: 13 }, NARROW];

/** The caption of a figure. `title` is text, `reading` is HTML that says how to read the figure. */
export function figureCaption(title: string, reading: string): string {
  return `<strong>${escapeHtml(title)}.</strong> ${reading}`;
}

/** The figure in both sizes, of which the style sheet shows one, under its caption. */
export function figure(caption: string, draw: (size: Size) => string, sizes: readonly Size[] = WIDE): string {
  const drawn = sizes.map((size) => `<div class="${size.kind}">${draw(size)}</div>`);
  return `<figure>\n<figcaption>${caption}</figcaption>\n${drawn.join("\n")}\n</figure>`;
}

/** Two decimals of a pixel are more than a screen shows, and keep the page small. Only attributes are places; texts keep their digits. */
function roundedPlaces(svg: string): string {
  return svg.replace(/ [\w-]+="[^"]*"/g, (attribute) =>
    attribute.replace(/\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
  );
}

export function drawPlot(title: string, size: Size, options: PlotOptions): string {
  const document = new SvgDocument();
  const style = `font-size:${size.fontSize}px;background:none;overflow:visible`;
  const shared = { document: document as unknown as Document, width: size.width, style };
  const svg = plot({ ...options, ...shared }) as unknown as SvgElement;
  // The library's own style sheet sets a white background; the page's style sheet has all that is needed.
  for (const child of svg.children) if (child.tagName === "style") child.remove();
  for (const attribute of ["class", "width", "height"]) svg.removeAttribute(attribute);
  svg.setAttribute("role", "img");
  const name = document.createElementNS(svg.namespaceURI, "title");
  name.textContent = title;
  svg.prepend(name);
  return roundedPlaces(svg.outerHTML);
}
