import { describe, expect, it } from "vitest";
import { code, htmlTable } from "../../../src/report/draw/html-table.ts";
import { NOTHING } from "../../../src/report/draw/number-format.ts";

describe("htmlTable", () => {
  const columns = [
    { title: "name", cell: ({ name }: { name: string }) => name },
    { title: "a & b", numeric: true, cell: () => "1" },
    { title: "empty", cell: () => NOTHING },
  ];

  it("heads each row by its first cell, and leaves out columns that have nothing to say", () => {
    const html = htmlTable("A <table>", columns, [{ name: "x" }]);
    expect(html).toContain('<tr><th scope="row">x</th><td class="number">1</td></tr>');
    expect(html).toContain('<th scope="col">name</th><th scope="col" class="number">a &amp; b</th></tr>');
    expect(html).not.toContain("empty");
    expect(html).toContain("<caption><span>A &lt;table&gt;</span></caption>");
  });

  it("keeps the first column whatever it says", () => {
    expect(htmlTable("t", columns, [{ name: NOTHING }])).toContain(`<th scope="row">${NOTHING}</th>`);
  });
});

describe("code", () => {
  it("may break between the parts of a policy", () => {
    expect(code("attention:4,base:2+first:1@4")).toBe("<code>attention:4,<wbr>base:2+<wbr>first:1@4</code>");
  });
});
