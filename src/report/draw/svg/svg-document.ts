/** A document that holds SVG elements and writes them as text: as much of the DOM as the plot library calls. */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";
const ESCAPES: Readonly<Record<string, string>> = { "\u00a0": "&#160;", "&": "&amp;", "<": "&lt;", ">": "&gt;" };

/** Text as XML writes it. */
const escapeText = (text: string): string => text.replace(/[<>&\u00a0]/g, (character) => ESCAPES[character]);

/** Makes elements. The plot library asks the document's own element for its namespace. */
export class SvgDocument {
  readonly documentElement: SvgElement = new SvgElement("svg", this);

  createElementNS(_namespace: string, name: string): SvgElement {
    return new SvgElement(name, this);
  }
}

/** An SVG element: attributes, and elements and texts inside. Whatever the DOM has besides is left out. */
export class SvgElement {
  readonly namespaceURI: string = SVG_NAMESPACE;
  readonly tagName: string;
  readonly ownerDocument: SvgDocument;
  parentNode: SvgElement | null = null;
  readonly #attributes: Map<string, string> = new Map();
  #children: (SvgElement | string)[] = [];

  constructor(tagName: string, ownerDocument: SvgDocument) {
    this.tagName = tagName;
    this.ownerDocument = ownerDocument;
  }

  /** The drawing that the element is in; null for the drawing itself. */
  get ownerSVGElement(): SvgElement | null {
    const parent = this.parentNode;
    return parent === null || parent.tagName === "svg" ? parent : parent.ownerSVGElement;
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }

  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value));
  }

  setAttributeNS(_namespace: string, name: string, value: unknown): void {
    this.setAttribute(name, value);
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name);
  }

  /** Inline styles are given as text. */
  set style(text: string) {
    this.setAttribute("style", text);
  }

  set textContent(text: unknown) {
    this.#children = [String(text)];
  }

  appendChild(child: SvgElement): SvgElement {
    return this.insertBefore(child, null);
  }

  append(...children: readonly (SvgElement | string)[]): void {
    for (const child of children) {
      if (child instanceof SvgElement) this.appendChild(child);
      else this.#children.push(child);
    }
  }

  /** Puts an element before a child, or last. */
  insertBefore(child: SvgElement, next: SvgElement | null): SvgElement {
    child.remove();
    child.parentNode = this;
    this.#children.splice(next === null ? this.#children.length : this.#children.indexOf(next), 0, child);
    return child;
  }

  prepend(child: SvgElement): void {
    child.remove();
    child.parentNode = this;
    this.#children.unshift(child);
  }

  remove(): void {
    if (this.parentNode === null) return;
    const siblings = this.parentNode.#children;
    siblings.splice(siblings.indexOf(this), 1);
    this.parentNode = null;
  }

  /** The elements inside, without texts. */
  get children(): SvgElement[] {
    return this.#children.filter((child) => child instanceof SvgElement);
  }

  get outerHTML(): string {
    // The attribute that was set last stands first.
    const attributes = [...this.#attributes]
      .reverse()
      .map(([name, value]) => ` ${name}="${escapeText(value).replaceAll('"', "&quot;")}"`)
      .join("");
    if (this.#children.length === 0) return `<${this.tagName}${attributes} />`;
    const inside = this.#children.map((child) => (typeof child === "string" ? escapeText(child) : child.outerHTML));
    return `<${this.tagName}${attributes}>${inside.join("")}</${this.tagName}>`;
  }
}
