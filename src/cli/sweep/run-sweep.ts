/** Runs the cells of a sweep, each in a process of its own and several at a time, and keeps each result at once. */
import { isCutFrom, type Journal } from "../../adapter/node-journal.ts";
import { FormatError } from "../../base/errors.ts";
import { asObject, isObject, type JsonObject, parseJson } from "../../base/json.ts";
import type { CommandSession } from "../session/command-session.ts";
import { doneText, type ProgressEvent } from "../show/progress.ts";
import { removeDeadCells } from "./cache/sweep-cache.ts";
import { cellName, type SweepCell } from "./cell-list.ts";
import { CellOrder } from "./cell-order.ts";
import { cellProcess } from "./cell-process.ts";

export interface SweepRun {
  readonly config: string;
  readonly cache: string;
  readonly jobs: number;
  readonly threads: number;
  readonly journal: Journal;
  readonly onResult: (result: JsonObject) => void;
}

export interface FailedCell {
  readonly cell: SweepCell;
  readonly message: string;
}

/** Results of a journal by key. @throws FormatError for a line that is not a cell. */
export function knownResults(journal: Journal): ReadonlyMap<string, JsonObject> {
  const known = new Map<string, JsonObject>();
  for (const [index, line] of journal.lines.entries()) {
    const where = `${journal.name}: line ${index + 1}`;
    const result = asObject(parseJson(line, where), where);
    if (typeof result["key"] !== "string") throw new FormatError(where, "found no key, expected a cell of a sweep");
    known.set(result["key"], result);
  }
  return known;
}

/** Tells whether a last line without a line end is a whole result, a result that was cut off, or something else. */
export function recognise(line: string): "whole" | "cut" | undefined {
  if (!isCutFrom(line, ['{"key":"'])) return undefined;
  try {
    return isObject(parseJson(line, "")) ? "whole" : undefined;
  } catch {
    return "cut";
  }
}

/** @returns the cells that failed; the others are in the journal. */
export async function runCells(
  session: CommandSession,
  cells: readonly SweepCell[],
  run: SweepRun,
): Promise<readonly FailedCell[]> {
  await removeDeadCells(run.cache);
  const queue = new CellQueue(session, cells, run);
  await Promise.all(Array.from({ length: Math.max(1, run.jobs) }, () => queue.work()));
  return queue.failed;
}

/** Cells that wait for their turn. What a group of cells shares is made before the first of them runs. */
class CellQueue {
  readonly failed: FailedCell[] = [];
  readonly #session: CommandSession;
  readonly #run: SweepRun;
  readonly #total: number;
  readonly #order: CellOrder;
  readonly #wake: (() => void)[] = [];
  /** How far each cell is that runs, or whose shared files are made. */
  readonly #running: Map<SweepCell, string> = new Map();
  #done = 0;

  constructor(session: CommandSession, cells: readonly SweepCell[], run: SweepRun) {
    this.#session = session;
    this.#run = run;
    this.#total = cells.length;
    this.#order = new CellOrder(cells, run.jobs);
    this.#report();
  }

  /** Runs one cell after another until none waits; several of these may be under way. */
  async work(): Promise<void> {
    for (let step = this.#order.next(); step !== undefined; step = this.#order.next()) {
      this.#session.signal.throwIfAborted();
      const { run, prepare } = step;
      if (run !== undefined) await this.#runCell(run);
      else if (prepare !== undefined) await this.#prepare(prepare);
      else await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
  }

  async #runCell(cell: SweepCell): Promise<void> {
    try {
      const result = JSON.parse(await this.#process(cell, [])) as JsonObject;
      // Only the parent writes, so lines never mix.
      await this.#run.journal.append(JSON.stringify(result));
      this.#run.onResult(result);
    } catch (error) {
      this.#session.signal.throwIfAborted();
      this.failed.push({ cell, message: (error as Error).message });
    }
    this.#done++;
    this.#report();
  }

  async #prepare(cell: SweepCell): Promise<void> {
    try {
      await this.#process(cell, ["--prepare"]);
    } catch {
      this.#session.signal.throwIfAborted(); // Each cell will report the error under its own name.
    }
    this.#order.prepared(cell);
    for (const wake of this.#wake.splice(0)) wake();
  }

  async #process(cell: SweepCell, more: readonly string[]): Promise<string> {
    const { signal, options } = this.#session;
    const onProgress = (event: ProgressEvent) => {
      this.#running.set(cell, `${cellName(cell)}: ${event.phase} ${doneText(event)}`);
      this.#report();
    };
    try {
      return await cellProcess(cell, { ...this.#run, kernels: options.kernels, more, signal, onProgress });
    } finally {
      this.#running.delete(cell);
    }
  }

  #report(): void {
    const detail = this.#running.size === 0 ? undefined : [...this.#running.values()].join("; ");
    this.#session.report({ phase: "sweep", done: this.#done, total: this.#total, unit: "cells", detail });
  }
}
