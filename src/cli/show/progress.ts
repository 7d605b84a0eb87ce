/**
 * Progress and notes on stderr: a bar on a terminal; elsewhere a line at the beginning of each phase and one every 20 s; nothing
 * with `--quiet`.
 */
import { durationText, Pace, type PaceClock, SYSTEM_CLOCK } from "./pace.ts";
import type { Screen } from "./screen.ts";

/** How far a phase of long work is. */
export interface ProgressEvent {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly unit?: string;
  readonly detail?: string;
}

export interface ProgressDisplay {
  readonly report: (event: ProgressEvent) => void;
  readonly note: (message: string) => void;
  /** Nothing is worked at until more is reported: the bar goes, and no more lines come. */
  readonly rest: () => void;
  /** Removes the bar for good. */
  readonly stop: () => void;
}

export function createProgress(screen: Screen, quiet: boolean, clock: PaceClock = SYSTEM_CLOCK): ProgressDisplay {
  if (quiet) return { report: () => {}, note: () => {}, rest: () => {}, stop: () => {} };
  const reporter = screen.stderr.isTTY === true ? barProgress(screen, clock) : lineProgress(screen, clock);
  return { ...reporter, note: (message) => void screen.stderr.write(`quern: ${message}\n`) };
}

type Reporter = Omit<ProgressDisplay, "note">;

/** Scripts that watch a pipe may give up after half a minute of silence, and a line that is due may come late. */
const LINE_EVERY = 20_000;

function lineProgress({ stderr }: Screen, clock: PaceClock): Reporter {
  const told = new Set<string>();
  const pace = new Pace(clock);
  let latest: ProgressEvent | undefined;
  let cancel = () => {};
  let stopped = false;
  const tell = (line: string) => {
    stderr.write(`quern: ${line}\n`);
    cancel();
    cancel = clock.after(LINE_EVERY, tellLatest);
  };
  const tellLatest = () => {
    if (latest !== undefined) tell([`${latest.phase}, ${doneText(latest)}`, ...remarks(pace, latest)].join(", "));
  };
  return {
    report(event) {
      if (stopped) return;
      pace.see(event);
      latest = event;
      const { phase, total, unit } = event;
      if (told.has(phase)) return;
      told.add(phase);
      tell(`${phase}${total > 0 && unit !== undefined ? `, ${total} ${unit}` : ""}`);
    },
    rest() {
      told.clear();
      cancel();
    },
    stop() {
      stopped = true;
      cancel();
    },
  };
}

const BAR_CELLS = 24;
/** Milliseconds between two updates of the bar. More would not be seen. */
const DRAW_EVERY = 100;

function barProgress(screen: Screen, clock: PaceClock): Reporter {
  const pace = new Pace(clock);
  let phase = "";
  let drawn = 0;
  let stopped = false;
  return {
    report(event) {
      if (stopped) return;
      pace.see(event);
      const now = clock.now();
      if (event.phase === phase && event.done < event.total && now - drawn < DRAW_EVERY) return;
      phase = event.phase;
      drawn = now;
      screen.draw([`${phase} ${barOf(event)} ${doneText(event)}`, ...remarks(pace, event)].join(", "));
    },
    rest: () => screen.clear(),
    stop() {
      stopped = true;
      screen.clear();
    },
  };
}

function barOf({ done, total }: ProgressEvent): string {
  const full = total > 0 ? Math.round((BAR_CELLS * Math.min(done, total)) / total) : 0;
  return "\u2588".repeat(full) + "\u2591".repeat(BAR_CELLS - full);
}

/** "3 of 10 cells". */
export function doneText({ done, total, unit }: ProgressEvent): string {
  if (unit === "bytes") return `${(done / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB`;
  return `${done} of ${total}${unit === undefined ? "" : ` ${unit}`}`;
}

/** The time that is left, and what is worked at. */
function remarks(pace: Pace, event: ProgressEvent): readonly string[] {
  return [leftText(pace, event), ...(event.detail === undefined ? [] : [event.detail])];
}

function leftText(pace: Pace, event: ProgressEvent): string {
  if (event.done >= event.total) return "nearly done";
  const seconds = pace.secondsLeft(event);
  return seconds === undefined ? "time left not known yet" : `about ${durationText(seconds)} left`;
}
