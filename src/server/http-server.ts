/** The server as one function from a request to a response, for any runtime. */
import type { Context } from "hono";
import { Hono } from "hono/tiny";
import type { GenericSchema } from "valibot";
import { ApiError, type ApiProblem, errorResponse, problemOf } from "./api/api-error.ts";
import { CHAT_SCHEMA } from "./api/chat-schema.ts";
import { COMPLETION_SCHEMA } from "./api/completion-schema.ts";
import { checkBody, readJsonBody } from "./api/read-request.ts";
import type { CommonBody } from "./api/request-fields.ts";
import { type LoadedModel, ServedModel } from "./engine/served-model.ts";
import { type LetIn, streamedAnswer, wholeAnswer } from "./routes/answer-request.ts";
import { planChat } from "./routes/chat.ts";
import { type AnswerPlan, planCompletion } from "./routes/completions.ts";
import { metricsText, propsOf } from "./routes/facts.ts";
import { DETOKENIZE_SCHEMA, detokenize, TOKENIZE_SCHEMA, tokenize, tokenizerInfo } from "./routes/tokens.ts";
import { RequestEnd } from "./scheduling/request-end.ts";
import { checkServerOptions, type ServerLimits, type ServerOptions } from "./server-options.ts";

/** The seconds that a client is told to wait while the server shuts down. */
const RESTART_SECONDS = 5;

const CLOSING: ApiProblem = {
  ...{ status: 503, message: "the server is shutting down", code: "closing", retryAfter: RESTART_SECONDS },
};

/** Plans the answer to the body of a request. */
type Planner<Body> = (body: Body, run: LetIn) => Promise<AnswerPlan>;

/** A server of models. `fetch` answers requests; `close` lets those that run end, then frees the models. */
export class HttpServer implements AsyncDisposable {
  /** Answers a request. It never rejects. */
  readonly fetch: (request: Request) => Promise<Response>;
  readonly #options: ServerOptions & ServerLimits;
  readonly #models: ReadonlyMap<string, ServedModel>;
  readonly #answers: Map<number, number> = new Map();
  /** Requests that are being answered. */
  readonly #running: Set<RequestEnd> = new Set();
  readonly #created: number = Math.floor(Date.now() / 1000);
  #isClosing = false;

  /** @throws UsageError for an option out of range or unknown. */
  constructor(options: ServerOptions) {
    this.#options = checkServerOptions(options);
    const { parallel, queue, context, cacheBytes, models } = this.#options;
    const limits = { parallel, queue, context, cacheBytes };
    this.#models = new Map(Object.entries(models).map(([id, load]) => [id, new ServedModel(id, load, limits)]));
    const app = this.#routes();
    this.fetch = async (request) => {
      const response = await this.#respond(app, request);
      this.#answers.set(response.status, (this.#answers.get(response.status) ?? 0) + 1);
      return response;
    };
  }

  /** Loads all models now, and not at their first request. @throws what a model's function throws. */
  async ready(): Promise<void> {
    for (const served of this.#models.values()) await served.load();
  }

  /** Refuses new requests, waits for those that run, and frees the models. @param signal ends those that run when it is aborted. */
  async close(signal?: AbortSignal): Promise<void> {
    this.#isClosing = true;
    const end = () => {
      for (const request of [...this.#running]) request.abort(new ApiError(CLOSING));
    };
    if (signal?.aborted === true) end();
    signal?.addEventListener("abort", end, { once: true });
    await Promise.all([...this.#models.values()].map(({ scheduler }) => scheduler.empty()));
    for (const served of this.#models.values()) await served.close();
    signal?.removeEventListener("abort", end);
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #routes(): Hono {
    const app = new Hono();
    app.onError((error) => errorResponse(problemOf(error)));
    app.notFound(({ req }) => {
      const message = `${req.method} ${req.path}: found no such endpoint, expected one of docs/server.md`;
      return errorResponse({ status: 404, message, code: "unknown_endpoint" });
    });
    app.get("/health", () => this.#health());
    app.use("*", async ({ req }, next) => {
      this.#checkKey(req.header("authorization"));
      await next();
    });
    app.get("/v1/models", () =>
      Response.json({ object: "list", data: [...this.#models.keys()].map((id) => this.#card(id)) }),
    );
    app.get("/v1/models/:id{.+}", ({ req }) => Response.json(this.#card(this.#find(req.param("id")).id)));
    app.post("/v1/completions", ({ req }) => this.#answer(req.raw, COMPLETION_SCHEMA, planCompletion));
    app.post("/v1/chat/completions", ({ req }) => this.#answer(req.raw, CHAT_SCHEMA, planChat));
    app.post("/tokenize", ({ req }) =>
      this.#tell(req.raw, TOKENIZE_SCHEMA, (body, loaded) => tokenize(body, loaded, req.raw.signal)),
    );
    app.post("/detokenize", ({ req }) => this.#tell(req.raw, DETOKENIZE_SCHEMA, detokenize));
    app.get("/tokenizer_info", async (c) => Response.json(await tokenizerInfo(await this.#asked(c).get())));
    app.get("/props", async (c) => Response.json(await propsOf(this.#asked(c), this.#options.parallel)));
    app.get("/metrics", () => {
      const text = metricsText([...this.#models.values()], this.#answers);
      return new Response(text, { headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" } });
    });
    return app;
  }

  async #respond(app: Hono, request: Request): Promise<Response> {
    try {
      return await app.fetch(request);
    } catch (error) {
      // Values that are no errors, such as the reason of a signal.
      return errorResponse(problemOf(error));
    }
  }

  #health(): Response {
    if (this.#isClosing) return errorResponse(CLOSING);
    return Response.json({ status: "ok" });
  }

  /** The model that a request without a body asks for, by `?model=`. */
  #asked({ req }: Context): ServedModel {
    return this.#find(req.query("model"));
  }

  #card(id: string): object {
    return { id, object: "model", created: this.#created, owned_by: "quern" };
  }

  /** @throws ApiError with status 401. */
  #checkKey(header: string | undefined): void {
    const { apiKey } = this.#options;
    if (apiKey === undefined || isSame(header ?? "", `Bearer ${apiKey}`)) return;
    const found = header === undefined ? "no key" : "another key";
    const message = `authorization: found ${found}, expected "Bearer" and the server's key`;
    throw new ApiError({ status: 401, message, code: "invalid_api_key" });
  }

  /** The model of a name; without a name, the only one. @throws ApiError with status 404. */
  #find(name: string | undefined): ServedModel {
    const names = [...this.#models.keys()];
    const found = this.#models.get(name ?? (names.length === 1 ? names[0] : ""));
    if (found !== undefined) return found;
    const shown = name === undefined ? "none" : JSON.stringify(name.slice(0, 100));
    const message = `model: found ${shown}, expected one of ${names.join(", ")}`;
    throw new ApiError({ status: 404, param: "model", code: "model_not_found", message });
  }

  async #tell<Body extends Pick<CommonBody, "model">>(
    request: Request,
    schema: GenericSchema<unknown, Body>,
    tell: (body: Body, loaded: LoadedModel) => Promise<object>,
  ): Promise<Response> {
    const body = checkBody(schema, await readJsonBody(request, this.#options.bodyBytes));
    return Response.json(await tell(body, await this.#find(body.model).get()));
  }

  /** Lets a request in, and answers it when its choices are computed, or as a stream. */
  async #answer<Body extends CommonBody>(
    request: Request,
    schema: GenericSchema<unknown, Body>,
    plan: Planner<Body>,
  ): Promise<Response> {
    if (this.#isClosing) throw new ApiError(CLOSING);
    const body = checkBody(schema, await readJsonBody(request, this.#options.bodyBytes));
    const served = this.#find(body.model);
    const ticket = served.scheduler.enter();
    const end = new RequestEnd(request.signal);
    this.#running.add(end);
    const release = () => {
      this.#running.delete(end);
      end[Symbol.dispose]();
      ticket[Symbol.dispose]();
    };
    let isStreaming = false;
    try {
      const run = { served, loaded: await served.get(), ticket, end };
      const { tasks, shapes } = await plan(body, run);
      if (body.stream !== true) return await wholeAnswer(tasks, run, shapes);
      isStreaming = true;
      return streamedAnswer(tasks, run, { shapes, body, release });
    } finally {
      if (!isStreaming) release();
    }
  }
}

/** Whether two texts are the same, in a time that does not tell how much of them is. */
function isSame(a: string, b: string): boolean {
  let difference = a.length ^ b.length;
  for (let at = 0; at < b.length; at++) difference |= a.charCodeAt(at % Math.max(1, a.length)) ^ b.charCodeAt(at);
  return difference === 0;
}
