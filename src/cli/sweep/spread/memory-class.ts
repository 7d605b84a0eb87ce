/** Memory that a cell may need, in classes. Each class has a queue of its own, so a worker takes only cells for which it has the memory. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { withFileErrors } from "../../../adapter/file-errors.ts";
import type { SweepCell } from "../cell-list.ts";

const GIGABYTE = 1e9;
/** A cell's process without a model, with room for texts and logits. */
const PROCESS_BYTES = GIGABYTE / 2;
/** The model, what is made of it, and statistics or another model beside it: each no larger than the model's files. */
const COPIES = 3;

/** Gigabytes that the cells of each model need at most, a power of two, by the model's path. */
export async function memoryClasses(cells: readonly SweepCell[]): Promise<ReadonlyMap<string, number>> {
  const classes = new Map<string, number>();
  for (const { path } of new Set(cells.map(({ model }) => model)))
    if (!classes.has(path)) classes.set(path, classOf(PROCESS_BYTES + COPIES * (await bytesBelow(path))));
  return classes;
}

/** The smallest class that has room for so many bytes. */
export function classOf(bytes: number): number {
  let gigabytes = 1;
  while (gigabytes * GIGABYTE < bytes) gigabytes *= 2;
  return gigabytes;
}

export const fits = (gigabytes: number, bytes: number): boolean => gigabytes * GIGABYTE <= bytes;

async function bytesBelow(path: string): Promise<number> {
  const found = await withFileErrors(path, () => stat(path));
  if (!found.isDirectory()) return found.size;
  const sizes = (await withFileErrors(path, () => readdir(path))).map((name) => bytesBelow(join(path, name)));
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}
