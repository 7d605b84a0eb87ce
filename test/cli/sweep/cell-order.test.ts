import { describe, expect, it } from "vitest";
import type { SweepCell } from "../../../src/cli/sweep/cell-list.ts";
import { CellOrder } from "../../../src/cli/sweep/cell-order.ts";

/** Two cells of each draw. */
function cellsOf(draws: number): readonly SweepCell[] {
  return Array.from({ length: 2 * draws }, (_, at) => {
    const calibration = { name: `draw ${Math.floor(at / 2)}` };
    return { key: String(at), model: { name: "m" }, grid: { name: "g" }, calibration } as unknown as SweepCell;
  });
}

function stepOf(order: CellOrder): string | undefined {
  const step = order.next();
  return (
    step && ([step.prepare && `prepare ${step.prepare.key}`, step.run && `run ${step.run.key}`].find(Boolean) ?? "wait")
  );
}

describe("CellOrder", () => {
  it("has one job make what a draw's cells share, run them, and go on with the next draw", () => {
    const cells = cellsOf(2);
    const order = new CellOrder(cells, 1);
    const done: (string | undefined)[] = [];
    for (let step = order.next(); step !== undefined; step = order.next()) {
      done.push(step.run ? `run ${step.run.key}` : `prepare ${step.prepare?.key}`);
      if (step.prepare) order.prepared(step.prepare);
    }
    expect(done).toEqual(["prepare 0", "run 0", "run 1", "prepare 2", "run 2", "run 3"]);
  });

  it("has one of several jobs make what the next draw's cells share while others run cells", () => {
    const cells = cellsOf(3);
    const order = new CellOrder(cells, 2);
    expect([stepOf(order), stepOf(order)]).toEqual(["prepare 0", "prepare 2"]);
    order.prepared(cells[0]);
    // Draw 1 is still being made, so there is nothing else to make ahead.
    expect(stepOf(order)).toBe("run 0");
    order.prepared(cells[2]);
    expect([stepOf(order), stepOf(order)]).toEqual(["prepare 4", "run 1"]);
    expect([stepOf(order), stepOf(order)]).toEqual(["run 2", "run 3"]);
    expect([stepOf(order), stepOf(order)]).toEqual(["wait", "wait"]);
    order.prepared(cells[4]);
    expect([stepOf(order), stepOf(order), stepOf(order)]).toEqual(["run 4", "run 5", undefined]);
  });
});
