/** What a command gets when it runs, and the type of a command's action. */
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
  /** The result on stdout; nothing else is written there. */
  readonly output: Output;
  /** Progress of long work, for the person at the terminal. */
  readonly report: (event: ProgressEvent) => void;
  /** What was reported has ended, and the command waits. */
  readonly rest: () => void;
  /** A remark or a warning, on stderr. */
  readonly note: (message: string) => void;
  /** stderr, for a command that talks with a person; nothing else is drawn while it writes. */
  readonly stderr: TextSink;
  /** From here on work that is stopped by Ctrl-C can be resumed; `how` is the sentence that says how. */
  readonly goesOn: (how: string) => void;
  /** From here on the command runs until Ctrl-C, which is its end and no interruption: the exit status is 0. */
  readonly endsByCtrlC: () => void;
}

/** How commands with `--resume` are resumed. */
export const WITH_RESUME = "the same command with --resume goes on after what is done";

/** `args` are the command's arguments in order; `options` its own options as commander names them. */
export type Action<O> = (session: CommandSession, args: readonly string[], options: O) => Promise<void>;

/** Turns an action into the function that commander calls. */
export type RunCommand = <O>(action: Action<O>) => (...args: unknown[]) => Promise<void>;
