/** Runs one cell in a process of its own, which a crash or a lack of memory ends without ending this one. */
import { spawn } from "node:child_process";
import type { CommonOptions } from "../options/common-options.ts";
import type { ProgressEvent } from "../show/progress.ts";
import type { SweepCell } from "./cell-list.ts";

export interface CellRun {
  /** The configuration's file. */
  readonly config: string;
  readonly cache: string;
  readonly threads: number;
  readonly kernels: CommonOptions["kernels"];
  /** Further options of the command. */
  readonly more: readonly string[];
  /** Called with what the process tells of its work. */
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Ends the process. */
  readonly signal: AbortSignal;
}

/** Runs this program on one cell, which is written to its stdin; resolves with what it printed. */
export function cellProcess(cell: SweepCell, run: CellRun): Promise<string> {
  const args = ["sweep", run.config, "--cell", "-", "--cache", run.cache, "--threads", String(run.threads)];
  const rest = [...run.more, "--kernels", run.kernels, "--quiet", "--json"];
  const process_ = spawn(process.execPath, [process.argv[1], ...args, ...rest], {
    // The cell tells its progress over the channel, whose end tells it that this process is gone.
    stdio: ["pipe", "pipe", "pipe", "ipc"],
    signal: run.signal,
  });
  // A process that ends before it has read its input reports the reason itself.
  process_.stdin?.on("error", () => {}).end(JSON.stringify(cell));
  process_.on("message", (event) => run.onProgress?.(event as ProgressEvent));
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ["", ""];
    process_.stdout?.setEncoding("utf8").on("data", (piece: string) => {
      stdout += piece;
    });
    process_.stderr?.setEncoding("utf8").on("data", (piece: string) => {
      stderr += piece;
    });
    process_.on("error", reject);
    process_.on("close", (status) => {
      if (status === 0) resolve(stdout);
      else reject(new Error(stderr.trim().replace(/^quern: /, "") || `ended with status ${status}`));
    });
  });
}

/** Milliseconds between two messages about one phase. */
const TELL_EVERY = 1000;

/** What a cell's process calls with its progress: it goes to the process that began it. */
export function tellParent(): (event: ProgressEvent) => void {
  let [phase, told] = ["", 0];
  return (event) => {
    const now = performance.now();
    if (event.phase === phase && now - told < TELL_EVERY) return;
    [phase, told] = [event.phase, now];
    // A parent that is gone ends this process; nobody else reads the message.
    process.send?.(event, undefined, undefined, () => {});
  };
}
