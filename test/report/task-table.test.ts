import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mcnemar } from "../../src/eval/stats/mcnemar.ts";
import { comparePlans } from "../../src/report/results/differences.ts";
import { quern } from "../cli/quern.ts";
import { type Fields, line, modelsOf, readablePart } from "./report-lines.ts";

const NEVER = new AbortController().signal;

const share = (outcomes: string) => [...outcomes].filter((digit) => digit === "1").length / outcomes.length;

function score(outcomes: string) {
  return { metric: "acc", value: share(outcomes), stdErr: 0.05, chance: 0.5, outcomes };
}

/** A cell with a metric of each task. */
function cell(fields: Fields, outcomes: Readonly<Record<string, string>>): Fields {
  const metrics = Object.entries(outcomes).map(([task, digits]) => [
    `metric of ${task}`,
    { type: "tasks", tasks: { [task]: score(digits) } },
  ]);
  return { ...fields, metrics: Object.fromEntries(metrics) };
}

describe("tasks of a report", () => {
  it("are those of all metrics of a cell", () => {
    const [{ plans }] = modelsOf(cell({ plan: "p" }, { copa: "1100", piqa: "10" }));
    expect(Object.keys(plans[0].cells[0].tasks ?? {})).toEqual(["copa", "piqa"]);
    expect(plans[0].tasks?.mean).toBe(0.5);
    // Two errors of 0.05, over two.
    expect(plans[0].tasks?.stdErr).toBeCloseTo(0.05 / Math.SQRT2, 12);
  });

  it("that two metrics measured are told apart", () => {
    const tasks = (outcomes: string) => ({ type: "tasks", tasks: { copa: score(outcomes) } });
    const [{ plans }] = modelsOf({ plan: "p", metrics: { few: tasks("10"), many: tasks("1011") } });
    expect(Object.keys(plans[0].cells[0].tasks ?? {})).toEqual(["copa", "copa (many)"]);
  });

  it("are compared item by item by McNemar where one run stands against one", async () => {
    const [ours, control] = ["1".repeat(40), `${"1".repeat(20)}${"0".repeat(20)}`];
    const models = modelsOf(
      cell({ plan: "random" }, { piqa: control, copa: "10" }),
      cell({ plan: "ours", control: "random" }, { copa: "01", piqa: ours }),
    );
    const [{ tasks, windows }] = (await comparePlans(models, NEVER)).differences.values();
    expect(windows).toBeUndefined();
    expect(tasks).toMatchObject({ by: "tasks", unit: "an item of a task (42)", isBetter: true, shown: true });
    expect(tasks?.difference).toBeCloseTo(20 / 42, 12);
    expect(tasks?.p).toBe(mcnemar(21, 1).p);
  });

  it("are averaged over seeds, then draws, and join Holm's correction", async () => {
    const models = modelsOf(
      { ...cell({ plan: "random", calibration: "a", seed: 0 }, { copa: "1100" }) },
      { ...cell({ plan: "random", calibration: "a", seed: 1 }, { copa: "1000" }) },
      { ...cell({ plan: "random", calibration: "b", seed: 0 }, { copa: "0000" }) },
      { ...cell({ plan: "ours", control: "random", calibration: "a" }, { copa: "1111" }) },
      { ...cell({ plan: "ours", control: "random", calibration: "b" }, { copa: "0001" }) },
      { plan: "others", control: "random by window", windows: [1, 2, 3] },
      { plan: "random by window", windows: [2, 1, 4] },
    );
    const { differences } = await comparePlans(models, NEVER);
    const [by, byWindow] = ["ours", "others"].map((name) => [...differences].find(([plan]) => plan.name === name)![1]);
    // Control: a (1, 0.5, 0, 0), b (0, 0, 0, 0), so (0.5, 0.25, 0, 0); ours (0.5, 0.5, 0.5, 1).
    expect(by.tasks).toMatchObject({ difference: (0 + 0.25 + 0.5 + 1) / 4, unit: "an item of a task (4)" });
    const [small, large] = [by.tasks!, byWindow.windows!].sort((a, b) => a.p - b.p);
    expect(small.adjusted).toBe(Math.min(1, 2 * small.p));
    expect(large.adjusted).toBe(Math.max(small.adjusted, large.p));
  });

  it("of other tasks, or of other numbers of items, are not compared", async () => {
    const models = modelsOf(
      cell({ plan: "random" }, { copa: "1100" }),
      cell({ plan: "more", control: "random" }, { copa: "11000" }),
      cell({ plan: "others", control: "random" }, { piqa: "1100" }),
    );
    expect((await comparePlans(models, NEVER)).differences.size).toBe(0);
  });
});

describe("perplexity", () => {
  it("is what plans are compared by, window by window, where KL is missing", async () => {
    const by = (windows: readonly number[]) => ({ metrics: { ppl: { type: "perplexity", nll: 2, windows } } });
    const models = modelsOf(
      { plan: "random", ...by([2, 3, 4]) },
      { plan: "ours", control: "random", ...by([1, 2.5, 3]) },
    );
    const [{ windows }] = (await comparePlans(models, NEVER)).differences.values();
    expect(windows).toMatchObject({ by: "NLL", unit: "a window of text (3, one draw)", isBetter: true });
    expect(windows?.difference).toBeCloseTo(-2.5 / 3, 12);
  });
});

describe("quern report of tasks", () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-report-tasks-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("shows points to the control with their verdict, and every task's score by plan", () => {
    const control = `${"1".repeat(20)}${"0".repeat(20)}`;
    const cells = [
      cell({ plan: "float", policy: "float" }, { copa: "11", piqa: "1".repeat(40) }),
      cell({ plan: "random" }, { copa: "10", piqa: control }),
      cell({ plan: "ours", control: "random", trueBytes: 1100 }, { copa: "10", piqa: "1".repeat(40) }),
      cell({ plan: "lost", control: "nothing", trueBytes: 1200 }, { copa: "10" }),
    ];
    writeFileSync(at("tasks.jsonl"), cells.map(line).join("\n"));
    expect(quern(["report", at("tasks.jsonl"), "--output", at("tasks.html")]).status).toBe(0);
    const page = readFileSync(at("tasks.html"), "utf8");
    expect(readablePart(page)).not.toMatch(/NaN|Infinity|undefined|null/);
    expect(page).toContain('<span class="shown">+47.6</span>');
    expect(page).toContain('<span class="below">better than random</span>');
    expect(page).toContain('<span class="below">no items in common with nothing</span>');
    expect(page).toContain("Items: copa 2, piqa 40.");
    const table = page.slice(page.indexOf("Tasks of m."));
    expect(table).toMatch(/<th scope="row">chance<\/th><td class="number">0.500<\/td><td class="number">0.500<\/td>/);
    expect(table).toMatch(/<th scope="row">float<\/th><td class="number">1.000<span class="below">± 0.050<\/span>/);
    expect(table).toMatch(/lost<\/th><td class="number">0.500<span[^/]*\/span><\/td><td class="number">–<\/td>/);
  });

  it("refuses outcomes that are no digits", () => {
    const bad = cell({ plan: "p" }, { copa: "1x" });
    writeFileSync(at("bad.jsonl"), line(bad));
    const { stderr } = quern(["report", at("bad.jsonl"), "--output", at("bad.html")]);
    expect(stderr).toContain(
      'field metrics.metric of copa.tasks.copa.outcomes: found "1x", expected a 0 or 1 for every item',
    );
  });
});
