import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { loadTemplateEngine } from "../../../src/text/jinja/compile-template.ts";
import { readJsonLines, readText, repositoryFile } from "../../helpers/shared.ts";

const FIXTURES = repositoryFile("test/fixtures/chat");
const VARIABLES = JSON.parse(readText(`${FIXTURES}/jinja-variables.json`)) as Record<string, unknown>;
const { compile, problemOf } = await loadTemplateEngine();

interface Case {
  readonly template: string;
  readonly rendered?: string;
  readonly error?: string;
}

/** What a template does wrong; fails if it does nothing wrong. */
function problemIn(template: string, variables: Record<string, unknown> = VARIABLES): string | undefined {
  try {
    compile(template).render(variables);
  } catch (error) {
    return problemOf(error)?.problem;
  }
  return expect.fail(`${template.slice(0, 80)} rendered`);
}

describe("a compiled template", () => {
  it.each(readJsonLines<Case>(`${FIXTURES}/jinja.jsonl`))("renders $template as Jinja2 does", (line) => {
    if (line.error === undefined) expect(compile(line.template).render(VARIABLES)).toBe(line.rendered);
    else expect(problemIn(line.template)).toBeTypeOf("string");
  });

  it("removes the tag by which transformers marks what is generated", () => {
    expect(compile("a {% generation %}b{%- endgeneration %} c").render({})).toBe("a b c");
  });

  it("gives the time in English", () => {
    expect(compile("{{ strftime_now('%Y') }}").render({})).toBe(String(new Date().getFullYear()));
  });

  it("sees nothing of JavaScript", () => {
    const names = ["constructor", "__proto__", "toString", "hasOwnProperty"];
    for (const name of names)
      for (const value of ["d", "s", "xs", "f", "messages[0]", "namespace(a=1)"]) {
        expect(compile(`{{ ${value}.${name} }}{{ ${value}['${name}'] }}`).render(VARIABLES)).toBe("");
        expect(problemIn(`{{ ${value}|${name} }}`)).toContain(`the filter ${name}`);
        expect(problemIn(`{{ ${value} is ${name} }}`)).toContain(`the test ${name}`);
      }
    expect(compile("{{ constructor }}{{ __proto__ }}").render({})).toBe("");
  });

  it("refuses variables that are not JSON", () => {
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    for (const value of [() => 1, new Date(), Symbol("a"), 1n, circular])
      expect(() => compile("{{ x }}").render({ x: value })).toThrow(UsageError);
  });
});

/** Each would take minutes or gigabytes without limits. */
const HOSTILE: readonly (readonly [string, string, string])[] = [
  ["loops in loops", "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "items"],
  ["a long range", "{% for a in range(1000000000000) %}{% endfor %}", "steps"],
  [
    "a text that doubles",
    "{% set n = namespace(s='a') %}{% for i in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "characters",
  ],
  [
    "a list that holds itself twice, printed",
    "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}",
    "steps",
  ],
  [
    "the same as JSON",
    "{% set n = namespace(s=[1]) %}{% for i in range(99) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s|tojson }}",
    "steps",
  ],
  [
    "the same compared",
    "{% set n = namespace(s=[1], t=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% set n.t = [n.t, n.t] %}{% endfor %}{{ n.s == n.t }}",
    "steps",
  ],
  ["replacing by much", "{{ big.replace('x', big) }}", "steps"],
  ["joining by much", "{{ range(1000000)|join(big) }}", "steps"],
  ["a deep indent", "{{ 'a\\nb'|indent(2000000000) }}", "steps"],
  ["a deep indent of JSON", "{{ [[1]]|tojson(indent=2000000000) }}", "steps"],
  ["a text times a number", "{{ 'a' * 2000000000 }}", "steps"],
  ["a list times a number", "{{ [1] * 2000000000 }}", "steps"],
  ["large batches", "{{ [1]|batch(2000000000, 'x')|list }}", "steps"],
  ["a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nests"],
  [
    "a macro that calls itself twice",
    "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "steps",
  ],
  ["pieces of a long text", "{{ (big * 30).split('x')|length }}", "steps"],
  ["many copies of a text", "{% for i in range(100000) %}{% set z = big|title %}{% endfor %}", "characters"],
  ["many searches", "{% for i in range(100000) %}{{ 'y' in big }}{% endfor %}", "steps"],
  ["many sorts", "{% for i in range(1000) %}{% set a = range(100000)|sort %}{% endfor %}", "items"],
  ["tests in tests", `{{ ${"1 is eq(".repeat(20_000)}1${")".repeat(20_000)} }}`, "nests"],
  ["tests in a row", `{{ 1${" is eq 1".repeat(25_000)} }}`, "nests"],
  ["chains of names after tests", `{{ 1 is eq a${".b".repeat(50_000)} }}`, "nests"],
  ["brackets", `{{ ${"(".repeat(100_000)}1${")".repeat(100_000)} }}`, "nests"],
  ["negations", `{{ ${"not ".repeat(30_000)}1 }}`, "nests"],
  ["attributes", `{{ a${".b".repeat(50_000)} }}`, "nests"],
  ["sums", `{{ 1${"+1".repeat(50_000)} }}`, "nests"],
  ["spaces", `a${" ".repeat(200_000)}{% if 1 %}{% endif %}`, "white space"],
  ["its length", "x".repeat(300_000), "300000 characters"],
];

describe("a hostile template", () => {
  it.each(HOSTILE)("is refused for %s", (_, template, problem) => {
    expect(problemIn(template, { big: "x".repeat(1_000_000) })).toContain(problem);
  });

  it.each([
    "{% if 1 %}",
    "{{ 1",
    "{% for",
    "{{ a.b(",
    "{#",
    "{{ 'abc }}",
    "{% block x %}{% endblock %}",
    "{{ 'a' \\ }}",
  ])("is refused if it cannot be read: %s", (template) => {
    expect(problemIn(template)).toContain("cannot be read: ");
  });

  it("is refused for filters that are no names", () => {
    expect(problemIn("{{ xs|list()[0] }}")).toBe("uses a filter that is not a name");
    expect(problemIn("{{ xs|list().a }}")).toBe("uses a filter that is not a name");
    expect(problemIn("{{ xs|list()() }}")).toBe("uses a filter that is not a name");
  });

  it("cannot put a namespace where it would be printed or held twice", () => {
    expect(problemIn("{% set n = namespace() %}{% set n.a = [n] %}{{ n.a }}")).toBe("prints a namespace");
    expect(problemIn("{% set a.b = 1 %}")).toContain("not of a namespace");
  });
});
