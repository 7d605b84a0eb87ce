import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../../src/base/json.ts";
import { compileField, compileTemplate, scopeOf } from "../../../src/eval/tasks/template.ts";

const ROW: JsonObject = {
  q: "a {{b}} {% c %} {# d #}\n",
  list: ["x", "y"],
  n: 1,
  f: 1.5,
  yes: true,
  none_here: null,
  question: {
    stem: "why?",
    choices: [
      { text: "t1", label: "A" },
      { text: "t2", label: "B" },
    ],
  },
  items: "a field named like a method",
};
const text = (source: string) => compileTemplate(source, "t.json", "doc_to_text").text(scopeOf(ROW), "f: line 3");
const value = (source: string) => compileField(source, "t.json", "doc_to_text").value(scopeOf(ROW), "f: line 3");

describe("text of a template", () => {
  it("puts values in as they are: braces in them are text", () => {
    expect(text("Q: {{q}}!")).toBe("Q: a {{b}} {% c %} {# d #}\n!");
  });

  it.each([
    ["{{n}}\n\n", "1\n\n"],
    ["\n {{n}} \n", "\n 1 \n"],
    ["a\n  {% if yes %}\n x\n{% endif %}\n", "a\n  \n x\n\n"],
    ["{{ n -}} \n x", "1x"],
    ["", ""],
    ["Answer:", "Answer:"],
  ])("keeps the white space of %j unless it says otherwise", (source, expected) => {
    expect(text(source)).toBe(expected);
  });

  it("knows fields, paths, filters, slices, conditions and loops", () => {
    expect(text("{{question.stem}} {{question.choices[1].text}} {{f}}")).toBe("why? t2 1.5");
    expect(text("{{ 'one two three'.split(' ')[:-1] | join(' ') }}")).toBe("one two");
    expect(text("{% for c in question.choices %}{{c.label}}. {{c.text}}\n{% endfor %}")).toBe("A. t1\nB. t2\n");
    expect(text("{% if missing is defined %}x{% else %}y{% endif %}{{ missing | default('z') }}")).toBe("yz");
    expect(
      text("{% for i in [1, 2, 3] %}{% if i == 3 %}{% break %}{% endif %}{{i}}{{ ', ' if not loop.last }}{% endfor %}"),
    ).toBe("1, 2, ");
    expect(text("{% set x %}{{n}}{% endset %}{% macro m(a) %}<{{a}}>{% endmacro %}{{x}}{{ m('b') }}{# no #}")).toBe(
      "1<b>",
    );
    expect(text("{% for c in list %}{{c}}{{ ', ' if not loop.last }}{% endfor %}{{ 'x' if not yes }}.")).toBe("x, y.");
    expect(text("{{items}}")).toBe("a field named like a method");
  });

  it("takes a bare name for the field only where one may stand", () => {
    expect(compileField("question.stem", "t", "a").text(scopeOf(ROW), "f")).toBe("why?");
    expect(compileField("Why, {{n}}?", "t", "a").text(scopeOf(ROW), "f")).toBe("Why, 1?");
    expect(text("question.stem")).toBe("question.stem");
  });

  it("forgets what a template has set", () => {
    const scope = scopeOf(ROW);
    expect(compileTemplate("{% set x = 1 %}{{x}}", "t", "a").text(scope, "f")).toBe("1");
    expect(() => compileTemplate("{{x}}", "t", "b").text(scope, "f")).toThrow("f: b: found nothing in x");
  });
});

describe("value of a template", () => {
  it("is the value of its one expression", () => {
    expect(value("list")).toEqual(["x", "y"]);
    expect(value("{{ question.choices | map(attribute='text') }}")).toEqual(["t1", "t2"]);
    expect(value("{{[q, n]}}")).toEqual([ROW["q"], 1]);
    expect(value("n")).toBe(1);
    expect(value("question")).toEqual(ROW["question"]);
  });

  it("is text where there is more", () => {
    expect(value("{{n}}{{n}}")).toBe("11");
  });
});

describe("a row that does not fit", () => {
  it.each([
    ["{{nothing_here}}", "f: line 3: doc_to_text: found nothing in nothing_here, expected a value"],
    ["a {{question.stam}}", "f: line 3: doc_to_text: found nothing in question.stam, expected a value"],
    ["{{none_here}}", "f: line 3: doc_to_text: found null in none_here, expected a value"],
    ["{{list}}", "f: line 3: doc_to_text: found an array, expected text"],
    ["{{question}}", "f: line 3: doc_to_text: found an object, expected text"],
    ["{{question.keys}}", "f: line 3: doc_to_text: found a function in question.keys, expected a value"],
    ["{{n.x.y}}", "f: line 3: doc_to_text: found nothing in n.x.y, expected a value"],
    ["{% for c in list %}{{c}}{{missing}}{% endfor %}", "that the template cannot take (nothing in missing)"],
    ["{% if yes %}{% if not yes %}a{% else %}{{question.stam}}{% endif %}{% endif %}", "(nothing in question.stam)"],
    ["{% if yes %}{{none_here}}{% endif %}", "(nothing in none_here)"],
    ["{% for c in [] %}{% else %}{{question.choices}}{% endfor %}", "(no text in question.choices)"],
    ["{{n | nofilter}}", "f: line 3: doc_to_text: found a row that the template cannot take ("],
  ])("names place and field: %s", (source, message) => {
    expect(() => text(source)).toThrow(
      expect.objectContaining({ code: "FORMAT", message: expect.stringContaining(message) }),
    );
  });

  it("names what a list lacks", () => {
    expect(() => value("{{ question.choices | map(attribute='txt') }}")).toThrow("found nothing in an expression[0]");
  });
});

describe("compileTemplate", () => {
  it.each(["{{q", "{% if q %}", "{{ q | }}", "{{ 'a }}"])("refuses %j", (source) => {
    expect(() => compileTemplate(source, "t.json", "doc_to_text")).toThrow(
      expect.objectContaining({
        code: "FORMAT",
        message: expect.stringContaining("t.json: field doc_to_text: found "),
      }),
    );
  });
});
