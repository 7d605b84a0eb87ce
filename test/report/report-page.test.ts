import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { crossedMean } from "../../src/eval/stats/crossed/crossed-mean.ts";
import { placeLabels } from "../../src/report/draw/point-labels.ts";
import { comparePlans } from "../../src/report/results/differences.ts";
import { bestBySize, paretoFront } from "../../src/report/results/plan-means.ts";
import { quern } from "../cli/quern.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { madeUpMenus } from "./made-up-menus.ts";
import { type Fields, line, modelsOf, readablePart } from "./report-lines.ts";

type Row = Readonly<Record<string, unknown>>;
/** Plans of the results with a random control. */
const PAIRS = ["fable-mixtral", "fable-deepseek"].flatMap((model) =>
  ["attention4", "frequency2"].map((plan) => [model, plan, "random4", "KL"]),
);
const RESULTS = repositoryFile("test/fixtures/report/results.jsonl");
const NEVER = new AbortController().signal;

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-report-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("quern report", () => {
  let html: string;
  beforeAll(() => {
    const { status, stdout, stderr } = quern(["report", RESULTS, "--output", at("report.html"), "--json"]);
    expect([status, stderr]).toEqual([0, ""]);
    const { comparisons, ...rest } = JSON.parse(stdout);
    expect(rest).toEqual({ output: at("report.html"), cells: 30, models: 2 });
    expect(comparisons.map(({ model, plan, againstPlan, by }: Row) => [model, plan, againstPlan, by])).toEqual(PAIRS);
    html = readFileSync(at("report.html"), "utf8");
  });

  it("has all sections of every model", () => {
    for (const model of ["fable-mixtral", "fable-deepseek"]) {
      expect(html).toContain(`<h2>${model}</h2>`);
      expect(html).toContain(`href="#model-${model}"`);
      expect(html).toContain(`<title>KL against bits, ${model}</title>`);
      expect(html).toContain(`<title>KL from the float model against true bytes, ${model}</title>`);
      expect(html).toContain(`<title>Mean of the tasks against true bytes, ${model}</title>`);
      expect(html).toContain(`<title>Expert usage of ${model}</title>`);
      expect(html).toContain(`<title>Error by layer and projection, ${model}, plan attention4</title>`);
      expect(html).toContain(`Plans of ${model}`);
    }
    for (const plan of ["uniform2", "random4", "attention4", "frequency2", "down4", "uniform4"])
      expect(html).toMatch(new RegExp(`<th scope="row">.*${plan}`));
    for (const told of ["no difference shown to random4", "p (Holm)", "prefers-color-scheme"])
      expect(html).toContain(told);
    const provenance = html.slice(html.indexOf('id="provenance"'));
    for (const told of ["0.1.0", "node 24.21.0", "relaxed", "calibration draw-1", "quern sweep sweep.json", "30 cells"])
      expect(provenance).toContain(told);
    expect(provenance.match(/<code>[0-9a-f]{64}<\/code>/g)?.length).toBe(7);
  });

  it("fetches nothing, has one script of its own, and every table's head says what it heads", () => {
    expect(html.match(/<script[^>]*>/g)).toEqual(["<script>"]);
    expect(html).not.toMatch(/\bon\w+="|@import|url\(|fetch\(|XMLHttpRequest|import\(/);
    const attributes = [...html.matchAll(/\s([\w:-]+)="([^"]*)"/g)].filter(([, name]) => !name.startsWith("xmlns"));
    expect(attributes.filter(([, , value]) => !value.startsWith("data:") && /https?:|\/\//.test(value))).toEqual([]);
    const links = attributes.flatMap(([, name, value]) => (["src", "href"].includes(name) ? [value] : []));
    const anchors = links.filter((link) => link.startsWith("#"));
    for (const anchor of anchors) expect(html).toContain(`id="${anchor.slice(1)}"`);
    const others = links.filter((link) => !link.startsWith("#"));
    expect(others.map((link) => link.slice(0, 35))).toEqual([
      "data:,",
      "data:text/csv;charset=utf-8;base64,",
      "data:text/csv;charset=utf-8;base64,",
      "results.jsonl",
    ]);
    expect(html).not.toMatch(/<th(?! scope=)[ >]/);
  });

  it("shows finite numbers only, in figures that scale", () => {
    expect(readablePart(html)).not.toMatch(/NaN|Infinity|undefined|null/);
    const figures = html.match(/<svg[^>]*>/g) ?? [];
    // For each model one of strategies, two of quality and one of usage, each in two sizes, and three of errors in one.
    expect(figures.length).toBe(2 * (4 * 2 + 3));
    for (const svg of figures) {
      expect(svg).toContain("viewBox=");
      expect(svg).not.toMatch(/\s(?:width|height)=/);
    }
  });

  it("gives the same bytes again, and replaces a file only with --force", () => {
    const args = ["report", RESULTS, "--output", at("report.html")];
    const refused = quern(args);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("exists, expected a new file");
    expect(quern([...args, "--force"]).status).toBe(0);
    expect(readFileSync(at("report.html"), "utf8")).toBe(html);
  });

  it("draws the four lines of a 2 x 2 of menus and strategies, each with its label, and gains at each budget", () => {
    writeFileSync(at("menus.jsonl"), madeUpMenus("m").map(line).join("\n"));
    const { status, stdout } = quern(["report", at("menus.jsonl"), "--output", at("menus.html"), "--json"]);
    expect(status).toBe(0);
    const page = readFileSync(at("menus.html"), "utf8");
    const [figure] = page.slice(page.indexOf("<title>KL against bits, m</title>")).split("</svg>");
    for (const label of ["best rule", "knapsack"]) expect(figure.split(`>${label}<`).length).toBe(3);
    for (const menu of ["{2, 4}", "{2, 3, 4, 8}"]) expect(figure.split(`>${menu}<`).length).toBe(3);
    for (const label of ["uniform 2", "uniform 3", "uniform 4", "random plans"]) expect(figure).toContain(`>${label}<`);
    expect(page).toContain("<title>m, knapsack {2, 4}: % less KL than rule (mean 25 %)</title>");
    expect(page).not.toContain("Menus are not stated");
    expect(readablePart(page)).not.toMatch(/NaN|Infinity|undefined|null/);
    // Two menus at four budgets against rules, one step of menus for both strategies, three budgets of random plans with each menu; each with its mean.
    expect(JSON.parse(stdout).comparisons.length).toBe(2 * 5 + 2 * 5 + 2 * 4);
  });

  it("draws blocks and outliers where the float model's cell has them", () => {
    const blocks = [0, 1, 2].map((layer) => ({ layer, importance: 0.5 / (layer + 1) }));
    const outliers = [
      { layer: 0, role: "attention", projection: "q", score: 3.25 },
      { layer: 1, role: "attention", projection: "q", score: 9 },
    ];
    writeFileSync(at("blocks.jsonl"), [line({ plan: "float", blocks, outliers }), line({ plan: "a" })].join("\n"));
    expect(quern(["report", at("blocks.jsonl"), "--output", at("blocks.html")]).status).toBe(0);
    const page = readFileSync(at("blocks.html"), "utf8");
    for (const told of ["layer 0: 0.500", "layer 2: 0.167", "layer 0, attention q: 3.25", "layer 1, attention q: 9.00"])
      expect(page).toContain(`<title>${told}</title>`);
    expect(html).not.toContain("Importance of blocks");
  });

  it("adds up files, with names that are no HTML", () => {
    writeFileSync(at("a.jsonl"), `${line({ plan: "<b>&" })}\n\n`);
    writeFileSync(at("b.jsonl"), line({ plan: "other", trueBytes: 2000 }));
    const { stdout } = quern(["report", at("a.jsonl"), at("b.jsonl"), "--output", at("two.html"), "--json"]);
    expect(JSON.parse(stdout)).toEqual({ output: at("two.html"), cells: 2, models: 1, comparisons: [] });
    const page = readFileSync(at("two.html"), "utf8");
    expect(page).toContain("&lt;b&gt;&amp;");
    expect(page).not.toContain("<b>");
    expect(readablePart(page)).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("names a plan's own activations in a column where some plan has them", () => {
    expect(html).not.toContain('scope="col" class="number">activations<');
    writeFileSync(at("a.jsonl"), [line({ plan: "a", activations: "int4/token" }), line({ plan: "b" })].join("\n"));
    expect(quern(["report", at("a.jsonl"), "--output", at("activations.html")]).status).toBe(0);
    const page = readFileSync(at("activations.html"), "utf8");
    expect(page).toContain('scope="col" class="number">activations<');
    expect(page).toContain('<td class="number">int4/token</td>');
  });

  it("leaves out a column that has nothing to say, and shows a float model's rounding noise as 0", () => {
    const noise = { type: "kl", mean: 2.76e-9, stdErr: 1e-11, windows: [2.76e-9, 2.76e-9] };
    const nll = { type: "perplexity", nll: 2, windows: [2, 2] };
    const lines = (metrics: object) =>
      [line({ plan: "float", policy: "float", metrics: { kl: noise } }), line({ plan: "a", metrics })].join("\n");
    const pageOf = (metrics: object) => {
      writeFileSync(at("c.jsonl"), lines(metrics));
      expect(quern(["report", at("c.jsonl"), "--output", at("columns.html"), "--force"]).status).toBe(0);
      return readFileSync(at("columns.html"), "utf8");
    };
    const without = pageOf({ kl: { ...noise, mean: 0.5 } });
    const heads = (page: string) => [...page.matchAll(/<th scope="col"[^>]*>([^<]*)</g)].map(([, title]) => title);
    for (const title of ["perplexity", "tasks", "difference to control", "95 %, p (Holm)"])
      expect(heads(without)).not.toContain(title);
    expect(without).toContain('<td class="number">0.0000 \u00b1 0.0000<');
    expect(heads(pageOf({ kl: { ...noise, mean: 0.5 }, ppl: nll }))).toContain("perplexity");
  });

  it.each([
    ["{", "line 2: found text that is no JSON, expected a cell of a sweep"],
    ["[]", "line 2: found an array, expected a JSON object"],
    ['{"key":"k"}', "line 2: field model: found nothing, expected it to be there"],
    [line({ plan: "p", trueBytes: -1 }), "line 2: field trueBytes: found -1, expected a number of at least 0"],
    [
      line({ plan: "p", metrics: { loss: { type: "kl", mean: "1", stdErr: 0 } } }),
      'line 2: field metrics.loss.mean: found "1", expected a number',
    ],
  ])("refuses the line %s", (bad, told) => {
    writeFileSync(at("bad.jsonl"), `${line({ plan: "p" })}\n${bad}\n`);
    const { status, stderr } = quern(["report", at("bad.jsonl"), "--output", at("bad.html")]);
    expect(status).toBe(1);
    expect(stderr).toContain(`FORMAT: ${at("bad.jsonl")}: ${told}`);
    expect(() => readFileSync(at("bad.html"))).toThrow();
  });

  it("refuses results without a cell", () => {
    writeFileSync(at("empty.jsonl"), "\n");
    const { stderr } = quern(["report", at("empty.jsonl"), "--output", at("empty.html")]);
    expect(stderr).toContain("found no line, expected at least one cell");
  });
});

describe("comparePlans", () => {
  it("averages seeds, and takes the draws that both plans have and the windows as random", async () => {
    const models = modelsOf(
      { plan: "random", calibration: "a", seed: 0, windows: [1, 2] },
      { plan: "random", calibration: "a", seed: 1, windows: [3, 4] },
      { plan: "random", calibration: "b", windows: [6, 7] },
      { plan: "ours", control: "random", calibration: "a", windows: [1, 1] },
      { plan: "ours", control: "random", calibration: "b", windows: [2, 2] },
      // No control was drawn with these tokens.
      { plan: "ours", control: "random", calibration: "c", windows: [100, 100] },
    );
    const [found] = (await comparePlans(models, NEVER)).differences.values();
    // Control: a (2, 3), b (6, 7), so (4, 5); ours: (1.5, 1.5).
    const unit = "2 draws of calibration tokens and 2 windows, both random";
    expect(found.windows).toMatchObject({ by: "KL", difference: -3, unit, isBetter: true });
    expect(found.tasks).toBeUndefined();
  });

  it("takes draws and the seeds of random plans as random where every draw has every seed", async () => {
    const cells = [0, 1, 2].flatMap((draw) => [
      ...[0, 1].map((seed) => ({ plan: "random", calibration: `${draw}`, seed, windows: [4 + seed, 4 + seed + draw] })),
      { plan: "ours", control: "random", calibration: `${draw}`, windows: [1 + draw, 3] },
    ]);
    const [{ windows }] = (await comparePlans(modelsOf(...cells), NEVER)).differences.values();
    // Means of a cell: 2 + draw / 2 against 4 + seed + draw / 2.
    const { mean, interval, p } = crossedMean([0, 1, 2].map(() => [-2, -3]));
    const unit = "3 draws of calibration tokens and 2 random plans, both random";
    expect(windows).toMatchObject({ difference: mean, interval, p, unit });
  });

  it("adjusts by Holm over all models: p of 1 / 10000, 1 / 10000 and 1 become three, two and one times that", async () => {
    const windows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];
    const random = (model: string): Fields => ({ model, plan: "random", windows });
    const ours = (model: string, plan: string, change: (value: number, i: number) => number): Fields => {
      return { model, plan, control: "random", windows: windows.map(change) };
    };
    const { differences } = await comparePlans(
      modelsOf(
        random("m"),
        ours("m", "better", (value, i) => value - 0.5 - 0.01 * i),
        ours("m", "same", (value, i) => value + (i % 2 === 0 ? 0.1 : -0.1)),
        random("n"),
        ours("n", "worse", (value, i) => value + 0.5 + 0.01 * i),
      ),
      NEVER,
    );
    const found = Object.fromEntries([...differences].map(([{ name }, { windows: by }]) => [name, by!]));
    expect([found.better.p, found.worse.p]).toEqual([1e-4, 1e-4]);
    expect(found.better).toMatchObject({ adjusted: 3 * 1e-4, shown: true });
    expect(found.worse).toMatchObject({ adjusted: 3 * 1e-4, shown: true }); // twice its own, but never below a smaller one's
    expect(found.same.adjusted).toBe(found.same.p);
    expect(found.same.shown).toBe(false);
    expect(found.better.difference).toBeCloseTo(-0.565, 12);
  });

  it("compares nothing with a control that is missing or has other windows", async () => {
    const models = modelsOf(
      { plan: "random", windows: [1, 2, 3] },
      { plan: "a", control: "random", windows: [1, 2] },
      { plan: "b", control: "nothing" },
    );
    expect((await comparePlans(models, NEVER)).differences.size).toBe(0);
  });
});

describe("plans", () => {
  const plans = modelsOf(
    { plan: "small", trueBytes: 1000, windows: [3] },
    { plan: "small-better", trueBytes: 1040, windows: [2] },
    { plan: "worse", trueBytes: 1060, windows: [4] },
    { plan: "large", trueBytes: 2000, windows: [1] },
    { plan: "large-worse", trueBytes: 2000, windows: [1.5] },
  )[0].plans;
  const names = (found: typeof plans) => found.map(({ name }) => name);

  it("are on the front where none is better at as few bytes", () => {
    expect(names(paretoFront(plans, ({ kl }) => kl?.mean))).toEqual(["small", "small-better", "large"]);
  });

  it("have the best of every size, where sizes within 5 % are one", () => {
    expect(names(bestBySize(plans))).toEqual(["small-better", "worse", "large"]);
  });

  it("count a cell once that is there twice, as its last line says", () => {
    const [{ plans: found }] = modelsOf(
      { plan: "p", key: "k", windows: [1] },
      { plan: "p", key: "k", windows: [3] },
      { plan: "p", key: "other", windows: [5] },
    );
    // Of 3 and 5: mean 4, standard error sqrt(2) / sqrt(2).
    expect(found[0].kl).toEqual({ mean: 4, stdErr: 1, runsStdErr: 1 });
  });

  it("of several grids are told apart by the grid, and have controls of their own", () => {
    const [{ plans: found }] = modelsOf({ plan: "p", grid: "default" }, { plan: "p", grid: "study", trueBytes: 1500 });
    expect(names(found)).toEqual(["p (default)", "p (study)"]);
  });
});

describe("placeLabels", () => {
  const frame = { left: 0, right: 100, top: 0, bottom: 100 };

  it("keeps names apart and within the frame, and leaves out what has no place", () => {
    const point = { x: 50, y: 50, text: "name" };
    const places = placeLabels([point, point, { x: 98, y: 3, text: "corner" }], frame, 10);
    expect(places[0]).not.toEqual(places[1]);
    expect(places[2]?.anchor).toBe("end");
    expect(placeLabels([{ x: 50, y: 50, text: "x".repeat(99) }], frame, 10)).toEqual([undefined]);
  });
});
