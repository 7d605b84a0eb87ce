/** How a command fails: with one sentence on stderr, one JSON document if `--json` is given, and the exit status. */
import { CommanderError } from "commander";
import { FileError, QuernError } from "../../base/errors.ts";
import { styled } from "../show/text-style.ts";
import type { Streams } from "./command-session.ts";

export interface FailureOptions extends Streams {
  readonly json: boolean;
  readonly debug: boolean;
}

/** The work was done in part, and the JSON document of the result says so: no second document is printed. */
export class ToldError extends Error {}

const STOPPED = "stopped by Ctrl-C before the work was done";

/** A command was stopped by Ctrl-C; the message says how to resume it, if that is possible. */
export class StoppedError extends Error {
  constructor(how: string | undefined, options: ErrorOptions) {
    super(how === undefined ? STOPPED : `${STOPPED}; ${how}`, options);
  }
}

/** The error; that of a disk also says how the work goes on once the disk does, if that is possible. */
export function withRemedy(error: unknown, how: string | undefined): unknown {
  if (error instanceof FileError && error.cause !== undefined && how !== undefined) error.message += `; then ${how}`;
  return error;
}

interface Failure {
  readonly status: 0 | 1 | 2 | 130;
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Reports the error and returns the exit status: 0 for help and version, 1 failed, 2 wrong usage, 130 interrupted. */
export function reportFailure(error: unknown, options: FailureOptions): number {
  const { status, code, message, details } = describeFailure(error, options.signal);
  if (status === 0) return 0;
  const shown = styled("red", code, options.stderr.isTTY === true);
  const sentence = message.replace(/\s*\n\s*/g, " ").trim();
  options.stderr.write(`quern: ${shown}: ${sentence}\n`);
  if (options.debug && error instanceof Error) options.stderr.write(`${stackOf(error)}\n`);
  if (options.json && !(error instanceof ToldError)) {
    const document = { error: { ...details, code, message: sentence } };
    options.stdout.write(`${JSON.stringify(document, finiteOnly)}\n`);
  }
  return status;
}

function describeFailure(error: unknown, signal: AbortSignal): Failure {
  if (error instanceof CommanderError && error.exitCode === 0)
    return { status: 0, code: error.code, message: error.message, details: {} };
  if (signal.aborted) {
    const message = error instanceof StoppedError ? error.message : STOPPED;
    return { status: 130, code: "INTERRUPTED", message, details: {} };
  }
  if (error instanceof QuernError) {
    const { code, message, details } = error;
    return { status: code === "USAGE" ? 2 : 1, code, message, details };
  }
  if (error instanceof ToldError) return { status: 1, code: "PARTIAL", message: error.message, details: {} };
  const message = error instanceof Error ? error.message : String(error);
  const hint = "this is a bug in quern, please report it with the output of --debug";
  return { status: 1, code: "INTERNAL", message: `unexpected error: ${message}; ${hint}`, details: {} };
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return `${error.stack ?? error.message}${cause}`;
}

/** Details are for programs: a number that JSON cannot hold is written as text. */
function finiteOnly(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
