import { parseHTML } from "linkedom";
import { beforeEach, describe, expect, it } from "vitest";
import { htmlTable } from "../../../src/report/draw/html-table.ts";
import { SCRIPT } from "../../../src/report/draw/page-script.ts";

interface Row {
  readonly name: string;
  readonly kl: string;
  readonly kind: string;
}

const ROWS: readonly Row[] = [
  { name: "b", kl: "0.1770 ± 0.0053", kind: "rule" },
  { name: "a", kl: "\u22120.0526", kind: "knapsack" },
  { name: "d", kl: "\u2013", kind: "rule" },
  { name: "c", kl: "1.5e-3", kind: "draw by draw" },
];
const COLUMNS = [
  { title: "plan", cell: ({ name }: Row) => name },
  { title: "KL", numeric: true, cell: ({ kl }: Row) => kl },
];

describe("the page's script", () => {
  let document: Document;
  beforeEach(() => {
    const table = htmlTable("Plans", COLUMNS, ROWS, { kind: ({ kind }) => kind });
    const sections = '<section data-model="m"></section><section data-model="n"></section>';
    ({ document } = parseHTML(`<html><body><nav></nav>${table}${sections}</body></html>`));
    new Function("document", SCRIPT)(document);
  });

  const names = () => [...document.querySelectorAll("tbody th")].map(({ textContent }) => textContent).join("");
  const click = (title: string) => {
    const button = [...document.querySelectorAll("button")].find(({ textContent }) => textContent === title);
    button?.dispatchEvent(new (document.defaultView as unknown as { Event: typeof Event }).Event("click"));
  };
  const box = (name: string) => {
    const label = [...document.querySelectorAll("label")].find(({ textContent }) => textContent.trim() === name);
    return label?.querySelector("input") as HTMLInputElement;
  };
  const set = (name: string, checked: boolean) => {
    box(name).checked = checked;
    box(name).dispatchEvent(new (document.defaultView as unknown as { Event: typeof Event }).Event("change"));
  };
  const shown = () => [...document.querySelectorAll("tbody tr")].filter((row) => !(row as HTMLElement).hidden).length;

  it("sorts by numbers up and down, rows without a number last, and says so to screen readers", () => {
    click("KL");
    expect(names()).toBe("acbd");
    expect(document.querySelectorAll("thead th")[1].getAttribute("aria-sort")).toBe("ascending");
    click("KL");
    expect(names()).toBe("bcad");
    expect(document.querySelectorAll("thead th")[1].getAttribute("aria-sort")).toBe("descending");
  });

  it("sorts names by their text", () => {
    click("plan");
    expect(names()).toBe("abcd");
    expect(document.querySelectorAll("[aria-sort]").length).toBe(1);
  });

  it("hides rows by kind; single draws are hidden at first", () => {
    expect(shown()).toBe(3);
    set("draw by draw", true);
    expect(shown()).toBe(4);
    set("rule", false);
    expect(shown()).toBe(2);
  });

  it("hides what belongs to a model", () => {
    set("n", false);
    const [m, n] = document.querySelectorAll<HTMLElement>("section");
    expect([m.hidden, n.hidden]).toEqual([false, true]);
  });
});
