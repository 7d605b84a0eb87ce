/** A small sweep in a folder of its own: two windows of calibration tokens, three of text, plans of a fable model. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern } from "../quern.ts";

export const MODEL: string = repositoryFile("models/fable-mixtral");

export const CONFIG = {
  models: [{ name: "mixtral", path: MODEL }],
  calibration: [{ name: "draw", idsFile: "draw.json" }],
  grids: [{ name: "rounded", method: "rtn", clip: "none" }],
  plans: [
    { name: "attention", policy: "attention:4,base:2", control: "random" },
    { name: "random", policy: "base:2+random-linears:9%@4", seeds: [0, 1] },
    { name: "frequency", policy: "attention:4,base:2+frequency:2@4" },
  ],
  metrics: [{ name: "kl", type: "kl", idsFile: "text.json", window: 32 }],
};

export class SweepFolder implements Disposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "quern-sweep-"));

  constructor() {
    const ids = (first: number, length: number) => Array.from({ length }, (_, i) => ((first + i) * 37) % 4096);
    this.write("draw.json", { windows: [ids(0, 32), ids(50, 32)] });
    this.write("text.json", ids(7, 96));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  write(name: string, value: unknown): string {
    writeFileSync(this.at(name), JSON.stringify(value));
    return this.at(name);
  }

  /** What a dry run tells of the cells, in their order. */
  cells(config: unknown): readonly Record<string, unknown>[] {
    const { stdout } = quern(["sweep", this.write("dry.json", config), "--dry-run", "--json", "--quiet"]);
    return parseLines(stdout);
  }

  keys(config: unknown): readonly unknown[] {
    return this.cells(config).map(({ key }) => key);
  }

  [Symbol.dispose](): void {
    // Cells whose sweep was killed may be about to end.
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Lines of results. */
// biome-ignore lint/suspicious/noExplicitAny: tests say what they expect of a field
export function parseLines(text: string): readonly any[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line));
}

export function readLines(file: string): ReturnType<typeof parseLines> {
  return parseLines(readFileSync(file, "utf8"));
}
