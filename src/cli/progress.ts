/** Progress and notes on stderr: a bar on a terminal, at most one line a phase elsewhere, nothing with `--quiet`. */
import type { Sink } from "./sink.ts";

/** How far a phase of long work is. */
export interface ProgressEvent {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly unit?: string;
  readonly detail?: string;
}

export interface Progress {
  readonly report: (event: ProgressEvent) => void;
  readonly note: (message: string) => void;
  /** Takes the bar away. */
  readonly stop: () => void;
}

export async function createProgress(stderr: Sink, quiet: boolean): Promise<Progress> {
  if (quiet) return { report: () => {}, note: () => {}, stop: () => {} };
  return stderr.isTTY === true ? terminalProgress(stderr) : pipeProgress(stderr);
}

function pipeProgress(stderr: Sink): Progress {
  const told = new Set<string>();
  return {
    report({ phase, total, unit }) {
      if (told.has(phase)) return;
      told.add(phase);
      stderr.write(`quern: ${phase}${total > 0 && unit !== undefined ? `, ${total} ${unit}` : ""}\n`);
    },
    note: (message) => stderr.write(`quern: ${message}\n`),
    stop: () => {},
  };
}

const FORMAT = "{phase} {bar} {value}/{total} {unit} {eta_formatted} {detail}";

async function terminalProgress(stderr: Sink): Promise<Progress> {
  const { default: cliProgress } = await import("cli-progress");
  let bar: InstanceType<typeof cliProgress.SingleBar> | undefined;
  let phase = "";
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    report(event) {
      const shown = { phase: event.phase, unit: event.unit ?? "", detail: event.detail ?? "" };
      if (bar === undefined || phase !== event.phase) {
        stop();
        phase = event.phase;
        const stream = stderr as unknown as NodeJS.WritableStream;
        bar = new cliProgress.SingleBar(
          { format: FORMAT, stream, barsize: 24, etaBuffer: 50, hideCursor: true, linewrap: false },
          cliProgress.Presets.shades_classic,
        );
        bar.start(event.total, event.done, shown);
      }
      bar.setTotal(event.total);
      bar.update(event.done, shown);
    },
    note(message) {
      stop();
      stderr.write(`quern: ${message}\n`);
    },
    stop,
  };
}
