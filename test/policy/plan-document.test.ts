import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../src/base/errors.ts";
import { parseJson } from "../../src/base/json.ts";
import type { PlanRule } from "../../src/policy/bit-plan.ts";
import { applyPlan, parsePlan, planDocument } from "../../src/policy/plan-document.ts";
import { moeModules, SMALL } from "./moe-modules.ts";

const small = moeModules(SMALL);
const RULES: readonly PlanRule[] = [
  { match: { role: "attention", layers: [[0, 1]] }, bits: 4, groupSize: 32 },
  { match: { experts: [1], projection: "down", name: "layers\\.[23]" }, bits: 8, groupSize: -1 },
  { match: {}, bits: 3 },
];
const document = planDocument(small, { base: 2, rules: RULES }, "by hand");

describe("planDocument", () => {
  it("survives JSON", () => {
    expect(parsePlan(JSON.parse(JSON.stringify(document)), "plan.json")).toEqual(document);
    expect(parsePlan(parseJson(JSON.stringify(document), "plan.json"), "plan.json")).toEqual(document);
  });

  it("states the average bits", () => {
    expect(document.averageBits).toBe(3);
    expect(planDocument(small, { base: 16, rules: [] })).toMatchObject({ averageBits: 16, policy: "" });
  });
});

describe("parsePlan", () => {
  it("reads rules written by hand, with nothing but a base", () => {
    expect(parsePlan({ base: 4 }, "p")).toEqual({ base: 4, rules: [], policy: "" });
  });

  it("passes over what a command adds at the top", () => {
    expect(parsePlan({ base: 4, trueBytes: 5, note: [] }, "p")).toEqual({ base: 4, rules: [], policy: "" });
  });

  it.each([
    [[], "p: found an array"],
    [{}, "p: base: found nothing"],
    [{ base: 5 }, "p: base: found 5, expected one of 2, 3, 4, 8, 16"],
    [{ base: "4" }, 'p: base: found "4"'],
    [{ base: 4, rules: {} }, "p: rules: found an object"],
    [{ base: 4, rules: [7] }, "p: rules[0]: found 7"],
    [{ base: 4, rules: [{ bits: 4 }] }, "p: rules[0].match: found nothing"],
    [{ base: 4, rules: [{ match: {} }] }, "p: rules[0].bits: found nothing"],
    [{ base: 4, rules: [{ match: {}, bits: 4, group: 3 }] }, 'p: rules[0]: found the field "group"'],
    [{ base: 4, rules: [{ match: {}, bits: 4, groupSize: 0 }] }, "p: rules[0].groupSize: found 0"],
    [{ base: 4, rules: [{ match: { roel: "expert" }, bits: 4 }] }, 'p: rules[0].match: found the field "roel"'],
    [{ base: 4, rules: [{ match: { role: "router" }, bits: 4 }] }, 'p: rules[0].match.role: found "router"'],
    [{ base: 4, rules: [{ match: { layers: [3] }, bits: 4 }] }, "p: rules[0].match.layers[0]: found 3"],
    [{ base: 4, rules: [{ match: { layers: [[3, 2]] }, bits: 4 }] }, "p: rules[0].match.layers[0]: found [3, 2]"],
    [{ base: 4, rules: [{ match: { layers: [[0, 1.5]] }, bits: 4 }] }, "p: rules[0].match.layers[0]: found 1.5"],
    [{ base: 4, rules: [{ match: { experts: [0, -1] }, bits: 4 }] }, "p: rules[0].match.experts[1]: found -1"],
    [{ base: 4, rules: [{ match: { projection: "w1" }, bits: 4 }] }, 'p: rules[0].match.projection: found "w1"'],
    [{ base: 4, rules: [{ match: { name: 3 }, bits: 4 }] }, "p: rules[0].match.name: found 3"],
    [{ base: 4, resolved: { a: 5 } }, 'p: resolved["a"]: found 5'],
    [{ base: 4, averageBits: 1 }, "p: averageBits: found 1"],
    [{ base: 4, policy: null }, "p: policy: found null"],
  ])("refuses %j, naming the field", (json, message) => {
    expect(() => parsePlan(json, "p")).toThrow(FormatError);
    expect(() => parsePlan(json, "p")).toThrow(message);
  });

  it("refuses a pattern it cannot bound", () => {
    const json = { base: 4, rules: [{ match: { name: "(a*)*" }, bits: 4 }] };
    expect(() => parsePlan(json, "p")).toThrow(UnsupportedError);
    expect(() => parsePlan(json, "p")).toThrow("p: rules[0].match.name");
  });

  it("keeps names like __proto__ as names", () => {
    const plan = parsePlan(JSON.parse('{"resolved": {"__proto__": 4}}'), "p");
    expect(Object.keys(plan.resolved!)).toEqual(["__proto__"]);
  });
});

describe("applyPlan", () => {
  const rules: readonly PlanRule[] = [{ match: { role: "attention" }, bits: 4, groupSize: 32 }];
  const name = "model.layers.0.self_attn.q_proj";

  it("follows the rules where nothing is resolved", () => {
    const settings = applyPlan(small, { base: 2, rules, policy: "" }, "p");
    expect(settings.get(name)).toEqual({ bits: 4, groupSize: 32 });
    expect(settings.get("model.layers.1.mlp.experts.0.up_proj")).toEqual({ bits: 2 });
  });

  it("lets resolved bits count, with the group size of the rules", () => {
    const { resolved } = planDocument(small, { base: 2, rules });
    const settings = applyPlan(small, { base: 2, rules, resolved: { ...resolved, [name]: 8 }, policy: "" }, "p");
    expect(settings.get(name)).toEqual({ bits: 8, groupSize: 32 });
  });

  it("refuses bits that were resolved for another model", () => {
    const { resolved } = planDocument(small, { base: 2, rules });
    const apply = (other: typeof resolved) => () =>
      applyPlan(small, { base: 2, rules, resolved: other, policy: "" }, "p");
    expect(apply({ ...resolved, other: 4 })).toThrow(
      new FormatError("p: resolved", "found other, expected only linears of the model"),
    );
    const { [name]: _, ...fewer } = resolved;
    expect(apply(fewer)).toThrow(FormatError);
    expect(apply(fewer)).toThrow(`found nothing for ${name}`);
  });
});
