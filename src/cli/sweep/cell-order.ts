/** The order in which the jobs of a sweep run its cells, and make what cells share. */
import type { SweepCell } from "./cell-list.ts";

/** What a job does next: run a cell, or make what it shares with others. With neither it waits until another job has made something. */
export interface SweepStep {
  readonly run?: SweepCell;
  readonly prepare?: SweepCell;
}

/** Cells that share statistics and references. */
function groupOf({ model, grid, calibration }: SweepCell): string {
  return JSON.stringify([model.name, grid.name, calibration.name]);
}

/**
 * Cells come in their order, after what they share is made. Making it may take as long as many cells, so where several jobs run, one of
 * them makes it for the next group while the others have cells left: else they would all wait for it at the end.
 */
export class CellOrder {
  readonly #waiting: SweepCell[];
  readonly #jobs: number;
  /** For each group whose cells share something: whether it is made. Groups that are not begun are missing. */
  readonly #made: Map<string, boolean> = new Map();

  constructor(cells: readonly SweepCell[], jobs: number) {
    this.#waiting = [...cells];
    this.#jobs = jobs;
  }

  /** The next step of a job, which must do it; undefined if no cell waits. */
  next(): SweepStep | undefined {
    if (this.#waiting.length === 0) return undefined;
    const made = this.#made;
    const at = this.#waiting.findIndex((cell) => made.get(groupOf(cell)));
    const prepare = this.#waiting.find((cell) => !made.has(groupOf(cell)));
    const isAhead = this.#jobs > 1 && ![...made.values()].includes(false);
    if (prepare !== undefined && (at < 0 || isAhead)) {
      made.set(groupOf(prepare), false);
      return { prepare };
    }
    return at < 0 ? {} : { run: this.#waiting.splice(at, 1)[0] };
  }

  /** What the cell shares is made. */
  prepared(cell: SweepCell): void {
    this.#made.set(groupOf(cell), true);
  }
}
