/** What a command gets to work with, and the form it takes itself. */
import type { CommonOptions } from "../options/common-options.ts";
import type { Output } from "../show/command-output.ts";
import type { ProgressEvent } from "../show/progress.ts";
import type { TextSink } from "../show/screen.ts";

/** The process around the program, or what stands for it in a test. */
export interface Streams {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export interface CommandSession {
  readonly options: CommonOptions;
  readonly signal: AbortSignal;
  /** The result: stdout, and nothing but the result. */
  readonly output: Output;
  /** Progress of long work, for the person at the terminal. */
  readonly report: (event: ProgressEvent) => void;
  /** A remark or a warning, on stderr. */
  readonly note: (message: string) => void;
  /** From here on Ctrl-C leaves something to go on with: `how`, told to the person who pressed it. */
  readonly goesOn: (how: string) => void;
}

/** What commands with `--resume` say of it. */
export const WITH_RESUME = "the same command with --resume goes on after what is done";

/** `args` are the command's arguments in order; `options` its own options as commander names them. */
export type Action<O> = (session: CommandSession, args: readonly string[], options: O) => Promise<void>;

/** Makes an action into what commander calls. */
export type RunCommand = <O>(action: Action<O>) => (...args: unknown[]) => Promise<void>;
