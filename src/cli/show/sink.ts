/** Where a command writes: a stream of the process, or what stands for it in a test. */
export interface Sink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Characters of a line, where it is a terminal. */
  readonly columns?: number;
}
