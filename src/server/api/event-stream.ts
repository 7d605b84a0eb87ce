/** A stream of server-sent events, as `text/event-stream` has them. */

/** Events that may wait for the client before the sender does. */
const WAITING_EVENTS = 64;

export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #encoder: TextEncoder = new TextEncoder();
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #isOver = false;
  #wake: (() => void)[] = [];

  /** @param onCancel is called when the client goes before the end. */
  constructor(onCancel: () => void) {
    const pull = () => {
      for (const wake of this.#wake.splice(0)) wake();
    };
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull,
        cancel: () => {
          this.#isOver = true;
          pull();
          onCancel();
        },
      },
      { highWaterMark: WAITING_EVENTS },
    );
  }

  /** Sends a document. @returns a promise if the client is slow: it resolves when there is room again. */
  send(document: object): Promise<void> | undefined {
    return this.#write(JSON.stringify(document));
  }

  /** Sends the event that ends a stream of this API, and ends it. */
  end(): void {
    this.#write("[DONE]");
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.close();
  }

  #write(data: string): Promise<void> | undefined {
    if (this.#isOver) return undefined;
    this.#controller.enqueue(this.#encoder.encode(`data: ${data}\n\n`));
    if ((this.#controller.desiredSize ?? 1) > 0) return undefined;
    return new Promise((resolve) => this.#wake.push(resolve));
  }
}

/** The response that carries a stream. */
export function streamResponse({ body }: EventStream): Response {
  const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
  return new Response(body, { headers });
}
