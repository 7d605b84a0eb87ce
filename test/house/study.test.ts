import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { describe, expect, it } from "vitest";
import { readJsonLines, repositoryFile } from "../helpers/shared.ts";
import { blocksOf } from "./reading/markdown.ts";
import { listFiles, readRepository } from "./reading/sources.ts";

const STUDY = "bench/quantmoe";
const readme = readRepository(`${STUDY}/README.md`);
const commands = blocksOf("", readme).flatMap(({ code }) => code.trim().split("\n"));
const filesIn = (command: string) => command.split(" ").filter((word) => word.startsWith(`${STUDY}/`));

/** Configurations of sweeps; the study's folder also has lists of rules and texts. */
const CONFIGS = listFiles(STUDY, ".json").filter((file) => Object.hasOwn(JSON.parse(readRepository(file)), "metrics"));

/** Files and folders that a configuration reads, from the root. */
function inputsOf(config: string): string[] {
  const found: string[] = [];
  const visit = (value: unknown, key = ""): void => {
    if (typeof value === "string" && /^(?:path|idsFile|text|data)$/.test(key)) found.push(value);
    else if (Array.isArray(value)) for (const item of value) visit(item, key);
    else if (typeof value === "object" && value !== null)
      for (const [name, inner] of Object.entries(value)) visit(inner, name);
  };
  visit(JSON.parse(readRepository(config)));
  return found.map((path) => posix.join(posix.dirname(config), path));
}

describe("bench/quantmoe/README.md", () => {
  it("tells of every configuration and of every file that a command needs", () => {
    expect(CONFIGS.length).toBeGreaterThan(5);
    for (const config of CONFIGS.map((file) => posix.basename(file))) expect(readme).toContain(`\`${config}\``);
    const needed = commands.flatMap(filesIn).filter((file) => !file.endsWith("report.html"));
    expect(needed.length).toBeGreaterThan(6);
    expect(needed.filter((file) => !existsSync(repositoryFile(file)))).toEqual([]);
  });

  // smol-moe.json reads what is too large for the repository: the README says what, and where it goes.
  it.each(CONFIGS.filter((file) => !file.includes("smol-moe")))("%s finds its inputs", (config) => {
    const inputs = inputsOf(config);
    expect(inputs.length).toBeGreaterThan(2);
    expect(inputs.filter((path) => !existsSync(repositoryFile(path)))).toEqual([]);
  });

  it("has the command that made the report as it lies in results", () => {
    expect(commands).toContain("npm run study:page");
    const folder = mkdtempSync(join(tmpdir(), "quern-report-"));
    const made = join(folder, "report.html");
    const { status, stderr } = spawnSync(process.execPath, [`${STUDY}/page.mjs`, "--output", made], {
      cwd: repositoryFile(""),
      encoding: "utf8",
    });
    expect(`${status} ${stderr}`).toBe("0 ");
    expect(readFileSync(made, "utf8") === readRepository(`${STUDY}/results/report.html`)).toBe(true);
    // Each measured plan adds about 2 kB of figures, tables and data; a page that holds all of the study still has to be sent by mail.
    expect(statSync(made).size).toBeLessThan(2e6);
    rmSync(folder, { recursive: true });
  });
});

interface Cell {
  readonly plan: string;
  readonly averageBits: number;
  readonly trueBytes: number;
  readonly metrics: { readonly kl: { readonly mean: number } };
}

/** Names, counts and offsets in a header: files of one size differ by as much. */
const HEADER_BYTES = 100;

describe.each(["fable-mixtral", "fable-deepseek"])("docs/results.md on the knapsack for %s", (model) => {
  const cells = readJsonLines<Cell>(repositoryFile(`${STUDY}/results/${model}-budgets.jsonl`));
  const table = readRepository("docs/results.md").split(`\n| ${model} (\`${model}-budgets.json\`)`)[1].split("\n\n")[0];
  const rows = table.split("\n").slice(2);

  it("names the best rule of each size that was measured, and what it leaves", () => {
    const isRule = ({ plan }: Cell) => !plan.startsWith("knapsack") && plan !== "float";
    const computed = cells
      .filter(({ plan }) => plan.startsWith("knapsack"))
      .map((ours) => {
        const budget = cells.find(({ plan }) => `knapsack in ${plan}` === ours.plan)?.trueBytes ?? 0;
        const rules = cells.filter((cell) => isRule(cell) && cell.trueBytes <= budget + HEADER_BYTES);
        const [kl, best] = [ours.metrics.kl.mean, Math.min(...rules.map(({ metrics }) => metrics.kl.mean))];
        return `${ours.averageBits.toFixed(3)} ${kl.toFixed(4)} ${best.toFixed(4)} ${Math.round(100 * (1 - kl / best))} %`;
      });
    const printed = rows.map((row) => {
      const [, , bits, kl, rule, less] = row.split("|").map((cell) => cell.trim());
      return `${bits} ${kl} ${rule.split(" ")[0]} ${less}`;
    });
    expect(printed.length).toBeGreaterThan(7);
    expect([...printed].sort()).toEqual([...new Set(computed)].sort());
  });
});
