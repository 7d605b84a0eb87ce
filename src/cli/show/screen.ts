/** The terminal that stdout and stderr share: the progress line is removed before anything else is written. */

/** Where a command writes: a stream of the process, or what stands for it in a test. */
export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Characters in a line, if it is a terminal. */
  readonly columns?: number;
}

export interface Screen {
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  /** Shows a line that the next write on either stream removes; shows nothing if other text stands on the cursor's line. */
  draw(line: string): void;
  /** Removes the line now. */
  clear(): void;
}

const ESCAPE = String.fromCharCode(0x1b);
/** Erases to the end of the line. No terminal mode is changed, so that a killed process leaves nothing to repair. */
const ERASE_TO_END = `${ESCAPE}[K`;
const DEFAULT_COLUMNS = 80;

export function createScreen(streams: { readonly stdout: TextSink; readonly stderr: TextSink }): Screen {
  let isDrawn = false;
  let isLineStart = true;
  const clear = () => {
    if (isDrawn) streams.stderr.write(`\r${ERASE_TO_END}`);
    isDrawn = false;
  };
  const write = (sink: TextSink, text: string) => {
    if (text === "") return;
    clear();
    if (sink.isTTY === true) isLineStart = text.endsWith("\n");
    sink.write(text);
  };
  return {
    stdout: { ...lookOf(streams.stdout), write: (text) => write(streams.stdout, text) },
    stderr: {
      ...lookOf(streams.stderr),
      // A message begins on its own line, also in the middle of generated text.
      write: (text) => write(streams.stderr, isLineStart || streams.stderr.isTTY !== true ? text : `\n${text}`),
    },
    draw(line) {
      if (streams.stderr.isTTY !== true || !isLineStart) return;
      // The last column stays free, because a terminal would move to the next line.
      const width = (streams.stderr.columns || DEFAULT_COLUMNS) - 1;
      streams.stderr.write(`\r${[...line].slice(0, width).join("")}${ERASE_TO_END}`);
      isDrawn = true;
    },
    clear,
  };
}

function lookOf({ isTTY, columns }: TextSink): Pick<TextSink, "isTTY" | "columns"> {
  return { isTTY, columns };
}
