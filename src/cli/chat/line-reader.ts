/** Reads what a person types: whole questions, of one line or several, and Ctrl-C. */
import { createInterface, type Interface } from "node:readline";
import { Writable } from "node:stream";

const PROMPT = "> ";
const MORE = ". ";
const FENCE = '"""';

/** What a person did: a question, or the wish to leave. */
export type TypedQuestion = { readonly text: string } | "leave";

/** Owns the terminal's keyboard until it is disposed. Keys that are pressed during an answer are read afterwards. */
export class LineReader implements Disposable {
  readonly #lines: Interface;
  readonly #waiting: string[] = [];
  readonly #say: (sentence: string) => void;
  #isMuted = true;
  #isClosed = false;
  #wasInterrupted = false;
  #onLine: (() => void) | undefined;
  /** Called by Ctrl-C while an answer is made. */
  onInterrupt: (() => void) | undefined;

  /** @param say shows a sentence on a line of its own. */
  constructor(say: (sentence: string) => void) {
    this.#say = say;
    const output = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        if (!this.#isMuted) process.stderr.write(chunk);
        done();
      },
    });
    this.#lines = createInterface({ input: process.stdin, output, terminal: true, historySize: 1000, prompt: PROMPT });
    this.#lines.on("line", (line) => this.#take(line));
    this.#lines.on("SIGINT", () => this.#interrupt());
    this.#lines.on("close", () => {
      this.#isClosed = true;
      this.#onLine?.();
    });
  }

  /** The next question. */
  async read(): Promise<TypedQuestion> {
    this.#isMuted = false;
    try {
      const first = await this.#line(PROMPT);
      if (first === undefined) return "leave";
      return { text: first.trimStart().startsWith(FENCE) ? await this.#fenced(first) : await this.#continued(first) };
    } finally {
      this.#isMuted = true;
    }
  }

  async #continued(first: string): Promise<string> {
    const lines = [first];
    while (lines.at(-1)!.endsWith("\\")) {
      lines.push(lines.pop()!.slice(0, -1));
      lines.push((await this.#line(MORE)) ?? "");
    }
    return lines.join("\n");
  }

  /** Up to the line that ends in the fence. */
  async #fenced(first: string): Promise<string> {
    const begin = first.trimStart().slice(FENCE.length);
    if (begin.endsWith(FENCE)) return begin.slice(0, -FENCE.length);
    const lines = [begin];
    for (;;) {
      const line = await this.#line(MORE);
      if (line === undefined) break;
      lines.push(line.trimEnd().endsWith(FENCE) ? line.trimEnd().slice(0, -FENCE.length) : line);
      if (line.trimEnd().endsWith(FENCE)) break;
    }
    return lines.join("\n").replace(/^\n|\n$/g, "");
  }

  /** Undefined where the person leaves. */
  async #line(prompt: string): Promise<string | undefined> {
    if (this.#waiting.length === 0 && !this.#isClosed) {
      this.#lines.setPrompt(prompt);
      this.#lines.prompt(true);
      await new Promise<void>((resolve) => {
        this.#onLine = resolve;
      });
      this.#onLine = undefined;
    }
    return this.#waiting.shift();
  }

  #take(line: string): void {
    this.#wasInterrupted = false;
    this.#waiting.push(line);
    this.#onLine?.();
  }

  /** During an answer Ctrl-C ends the answer; before a question the first one clears the line, and the second one leaves. */
  #interrupt(): void {
    if (this.onInterrupt !== undefined) {
      this.onInterrupt();
      return;
    }
    if (this.#wasInterrupted && this.#lines.line === "") {
      process.stderr.write("\n");
      this.#lines.close();
      return;
    }
    this.#wasInterrupted = true;
    this.#lines.write(null, { ctrl: true, name: "e" });
    this.#lines.write(null, { ctrl: true, name: "u" });
    process.stderr.write("\n");
    this.#say("Ctrl-C once more or /exit leaves.");
    this.#lines.prompt();
  }

  [Symbol.dispose](): void {
    this.#lines.close();
  }
}
