/** A text that is being written: its tokens as signals, gathered for one drawing a frame. */
import { type Signal, signal } from "@preact/signals";
import type { Generated } from "../../../src/runtime/generate.ts";
import type { RoutedPiece, WorkerModel } from "../../../src/worker.ts";
import { failed } from "../engine/model-state.ts";
import type { Sampling } from "../engine/wishes.ts";

/** What to write on from, and how. */
export interface WritingWish {
  readonly prompt: string;
  readonly sampling: Sampling;
}

/** Tokens that are drawn in one frame at most, so that the page stays quick while a fast model writes. */
const MOST_A_FRAME = 24;

export class Writing {
  /** The prompt of the text that is shown. */
  readonly prompt: Signal<string> = signal("");
  readonly tokens: Signal<readonly RoutedPiece[]> = signal([]);
  readonly isRunning: Signal<boolean> = signal(false);
  readonly result: Signal<Generated | undefined> = signal(undefined);
  /** Milliseconds from the call to the first token. */
  readonly firstToken: Signal<number | undefined> = signal(undefined);
  #arrived: RoutedPiece[] = [];
  #frame = 0;
  #controller: AbortController | undefined;

  async start(model: WorkerModel, { prompt, sampling }: WritingWish): Promise<void> {
    this.stop();
    const controller = new AbortController();
    this.#controller = controller;
    const isCurrent = () => this.#controller === controller;
    this.#begin(prompt);
    const begun = performance.now();
    try {
      const pieces = model.generate(prompt, { ...sampling, routes: true, signal: controller.signal });
      let next = await pieces.next();
      this.firstToken.value = isCurrent() ? performance.now() - begun : this.firstToken.value;
      for (; !next.done && isCurrent(); next = await pieces.next()) this.#take(next.value);
      if (!isCurrent() || !next.done) return;
      await this.#allShown();
      if (isCurrent()) this.result.value = next.value;
    } catch (error) {
      failed(error, "write");
    } finally {
      if (isCurrent()) {
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

  #take(piece: RoutedPiece): void {
    this.#arrived.push(piece);
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
