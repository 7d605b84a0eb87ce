import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/errors.ts";
import { readCells } from "../../../src/report/results/read-cells.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { line } from "../report-lines.ts";

const STUDY = "bench/quantmoe/results";

describe("readCells", () => {
  it.each(readdirSync(repositoryFile(STUDY)).filter((file) => file.endsWith(".jsonl")))("reads %s", (file) => {
    const text = readFileSync(repositoryFile(`${STUDY}/${file}`), "utf8");
    const cells = readCells(text, file);
    expect(cells.length).toBe(text.trim().split("\n").length);
    expect(cells.filter(({ kl }) => kl === undefined)).toEqual([]);
    expect(cells.every((cell) => (cell.plan === "float" ? cell.experts : cell.losses).length > 0)).toBe(true);
  });

  it("fills in what older results lack", () => {
    const [cell] = readCells(line({ plan: "p" }), "f");
    expect(cell).toMatchObject({ policy: "", control: null, seed: null, losses: [], experts: [], versions: {} });
    expect(cell).toMatchObject({ command: null, seconds: 0, kl: { mean: 1, windows: [1, 1] } });
    expect([cell.nll, cell.tasks]).toEqual([undefined, undefined]);
  });

  it("names a task after its metric where two metrics have it, and passes over unknown fields and metrics", () => {
    const score = { value: 0.5, stdErr: 0.1, outcomes: "10" };
    const metrics = {
      first: { type: "tasks", tasks: { copa: score } },
      second: { type: "tasks", tasks: { copa: score, piqa: score } },
      other: { type: "speed", rate: "fast" },
    };
    const [cell] = readCells(line({ plan: "p", metrics, more: 1 }), "f");
    expect(Object.keys(cell.tasks ?? {})).toEqual(["copa", "copa (second)", "piqa"]);
    expect(cell).not.toHaveProperty("more");
  });

  it("keeps texts for the prediction apart from those on which plans are compared", () => {
    const kl = (mean: number, forPrediction?: boolean) => ({
      type: "kl",
      mean,
      stdErr: 0,
      windows: [mean, mean],
      forPrediction,
    });
    const [cell] = readCells(line({ plan: "p", metrics: { a: kl(1), own: kl(7, true), b: kl(3, false) } }), "f");
    expect([...cell.texts.keys()]).toEqual(["a", "b"]);
    expect([cell.kl?.mean, cell.klForPrediction?.mean]).toEqual([2, 7]);
    const [without] = readCells(line({ plan: "p" }), "f");
    expect(without.klForPrediction).toBeUndefined();
  });

  it("names line and field of what is wrong", () => {
    const bad = (fields: Parameters<typeof line>[0]) => () => readCells(`\n${line(fields)}`, "f.jsonl");
    expect(bad({ plan: "p", seed: 1.5 })).toThrow(FormatError);
    expect(bad({ plan: "p", seed: 1.5 })).toThrow(
      "f.jsonl: line 2: field seed: found 1.5, expected a whole number of at least 0",
    );
    expect(bad({ plan: "p", metrics: { a: { type: "tasks", tasks: { copa: {} } } } })).toThrow(
      "f.jsonl: line 2: field metrics.a.tasks.copa.value: found nothing, expected it to be there",
    );
  });
});
