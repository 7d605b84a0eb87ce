/** What users write: plan documents, policies in one line, configurations of sweeps. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { parseJsonBytes } from "../../../src/base/json.ts";
import { readSweepConfig } from "../../../src/cli/sweep/config/read-sweep-config.ts";
import { planModules } from "../../../src/compress/plan/plan-model.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { parsePolicy } from "../../../src/policy/parse-policy.ts";
import { applyPlan, parsePlan, planDocument } from "../../../src/policy/plan-document.ts";
import { policyPlan } from "../../../src/policy/policy.ts";
import { type Area, filesOf } from "../area.ts";
import type { Dice } from "../dice.ts";
import { damageJson, type Extras } from "../json.ts";

const PATTERNS = [
  ...[
    "q_proj$",
    "experts\\.[0-3]\\.",
    ".*.*.*.*.*.*.*.*.*.*x",
    "(a|.)*(b|.)*(c|.)*!",
    "(a+)+",
    "[",
    "(?=a)",
    "a{1,20}b{20}",
    "^$",
  ],
  `${".*".repeat(60)}x$`,
  `${"(a|.|.|.)*".repeat(15)}!`,
];

async function modulesOf() {
  return planModules(await readModelFiles(filesFolder("tiny", filesOf("test/fixtures/families/deepseek-f16"))));
}

export async function plans(): Promise<Area> {
  const modules = await modulesOf();
  const rules = [
    { match: { role: "attention" }, bits: 4 },
    { match: { layers: [[0, 1]], experts: [0, 2], projection: "down" }, bits: 8, groupSize: 32 },
    { match: { name: "experts\\.1\\." }, bits: 3 },
  ] as const;
  const seeds = [planDocument(modules, { base: 2, rules }), { base: 4, rules }];
  const extras: Extras = { texts: [...PATTERNS, "attention", "expert", "gate"], numbers: [3, 16, 32] };
  return {
    make: (dice) => ({ "plan.json": damageJson(dice.pick(seeds), dice, extras) }),
    async run(input) {
      applyPlan(modules, parsePlan(parseJsonBytes(input["plan.json"], "plan"), "plan"), "plan");
    },
  };
}

const POLICIES = [
  "attention:4,base:2+first:1@4",
  "uniform:4",
  "base:2+random-experts:2@4+last:1@8",
  "attention:4,dense:4,shared:3,base:2+projection:down@3",
  "base:2+match:experts\\.[01]\\.@4",
  "base:2+random-linears:9%@4",
  "knapsack",
];
const TOKENS = [
  "+",
  ",",
  ":",
  "@",
  "%",
  "match:",
  "base",
  "first",
  "0",
  "-1",
  "1e9",
  "99999999999",
  "2",
  "3",
  "16",
  "\u0000",
  "__proto__",
];

/** Pieces of known policies in another order, with other numbers. */
function damagePolicy(dice: Dice): string {
  const pieces = [dice.pick(POLICIES), dice.pick(POLICIES)].flatMap((text) => text.split(/(?<=[+,:@])|(?=[+,:@])/));
  for (let count = 1 + dice.below(4); count > 0; count--) {
    const at = dice.below(pieces.length);
    const piece = dice.chance(0.2) ? `match:${dice.pick(PATTERNS)}@4` : dice.pick(TOKENS);
    pieces.splice(at, dice.below(3), piece);
  }
  return pieces.slice(0, 1 + dice.below(pieces.length)).join("");
}

export async function policies(): Promise<Area> {
  const modules = await modulesOf();
  return {
    make: (dice) => ({ "policy.txt": new TextEncoder().encode(damagePolicy(dice)) }),
    async run(input) {
      const policy = parsePolicy(new TextDecoder().decode(input["policy.txt"]));
      if (policy.kind === "rules") policyPlan(modules, policy, { seed: 1 });
    },
  };
}

const SWEEP = {
  models: [{ name: "mixtral", path: "models/fable-mixtral" }],
  calibration: [{ name: "draw", idsFile: "draw.json" }],
  grids: [{ name: "rounded", method: "rtn", clip: "none" }],
  plans: [
    { name: "attention", policy: "attention:4,base:2", control: "random" },
    { name: "random", policy: "base:2+random-linears:9%@4", seeds: [0, 1] },
  ],
  metrics: [{ name: "kl", type: "kl", idsFile: "text.json", window: 32 }],
};

export async function sweep(): Promise<Area> {
  const folder = mkdtempSync(`${tmpdir()}/quern-fuzz-`);
  return {
    make: (dice) => ({
      "sweep.json": damageJson(SWEEP, dice, { texts: ["kl", "tasks", "perplexity", "gptq", "hessian", "random"] }),
    }),
    async run(input) {
      const path = `${folder}/sweep.json`;
      writeFileSync(path, input["sweep.json"]);
      await readSweepConfig(path);
    },
  };
}
