/** A text that is being written: its tokens as signals, gathered for one drawing a frame. */
import { type Signal, signal } from "@preact/signals";
import { engine } from "../engine/engine.ts";
import { failureSentence } from "../engine/failures.ts";
import { notice } from "../engine/model-state.ts";
import type { Sampling, Token, Which, Written } from "../engine/wishes.ts";

/** Tokens that are drawn in one frame at most, so that the page stays quick while a fast model writes. */
const MOST_A_FRAME = 24;

export class Writing {
  /** The prompt of the text that is shown. */
  readonly prompt: Signal<string> = signal("");
  readonly tokens: Signal<readonly Token[]> = signal([]);
  readonly isRunning: Signal<boolean> = signal(false);
  readonly result: Signal<Written | undefined> = signal(undefined);
  /** Milliseconds from the call to the first token. */
  readonly firstToken: Signal<number | undefined> = signal(undefined);
  readonly #which: Which;
  #arrived: Token[] = [];
  #frame = 0;
  #controller: AbortController | undefined;

  constructor(which: Which) {
    this.#which = which;
  }

  async start(prompt: string, sampling: Sampling): Promise<void> {
    this.stop();
    const controller = new AbortController();
    this.#controller = controller;
    this.#begin(prompt);
    const begun = performance.now();
    const onEvent = (tokens: readonly Token[]) => {
      if (this.#controller !== controller) return;
      this.firstToken.value ??= performance.now() - begun;
      this.#take(tokens);
    };
    try {
      const result = await engine.call(
        "write",
        { which: this.#which, prompt, sampling },
        { signal: controller.signal, onEvent },
      );
      await this.#allShown();
      if (this.#controller === controller) this.result.value = result;
    } catch (error) {
      notice(failureSentence(error, "write"));
    } finally {
      if (this.#controller === controller) {
        await this.#allShown();
        this.isRunning.value = false;
      }
    }
  }

  stop(): void {
    this.#controller?.abort();
  }

  /** Forgets the text, when its model is gone. */
  clear(): void {
    this.stop();
    this.#controller = undefined;
    this.#begin("");
    this.isRunning.value = false;
  }

  #begin(prompt: string): void {
    this.#arrived = [];
    this.tokens.value = [];
    this.prompt.value = prompt;
    this.result.value = undefined;
    this.firstToken.value = undefined;
    this.isRunning.value = true;
  }

  #take(tokens: readonly Token[]): void {
    this.#arrived.push(...tokens);
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#show());
  }

  #show(): void {
    this.#frame = 0;
    const shown = this.tokens.value.length;
    if (shown === this.#arrived.length) return;
    this.tokens.value = this.#arrived.slice(0, shown + MOST_A_FRAME);
    if (this.tokens.value.length < this.#arrived.length) this.#frame = requestAnimationFrame(() => this.#show());
  }

  /** Waits until everything is shown; a page in the background draws no frames, so there all is shown at once. */
  async #allShown(): Promise<void> {
    while (this.#frame !== 0 && !document.hidden) await new Promise(requestAnimationFrame);
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.tokens.value.length !== this.#arrived.length) this.tokens.value = [...this.#arrived];
  }
}
