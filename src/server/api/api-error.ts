/** Errors as the API tells them: `{ error: { message, type, param, code } }` with a status. */
import { QuernError } from "../../base/errors.ts";

export interface ApiProblem {
  readonly status: 400 | 401 | 404 | 413 | 429 | 499 | 500 | 503;
  readonly message: string;
  /** The field of the request that is wrong. */
  readonly param?: string;
  /** A word for programs, such as `model_not_found`. */
  readonly code?: string;
  /** Seconds after which the client may try again. */
  readonly retryAfter?: number;
}

/** A request that is not answered. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";
  readonly problem: ApiProblem;
  constructor(problem: ApiProblem, options?: ErrorOptions) {
    super(problem.message, options);
    this.problem = problem;
  }
}

/** What a client is told of an error: the body of a response, or the last event of a stream. */
export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

export function errorBody({ status, message, param = undefined, code = undefined }: ApiProblem): ErrorBody {
  return { error: { message, type: typeOf(status), param: param ?? null, code: code ?? null } };
}

function typeOf(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** An error sentence about one field of a request. */
export function badField(param: string, found: string, expected: string): ApiError {
  return new ApiError({ status: 400, param, message: `${param}: found ${found}, expected ${expected}` });
}

/** Codes of errors that come from what the client has asked for. */
const CLIENT_CODES: ReadonlySet<string> = new Set(["USAGE", "FORMAT", "TEMPLATE", "UNSUPPORTED"]);

/** Any error as the client is told it. Messages of errors that are bugs stay here. */
export function problemOf(error: unknown): ApiProblem {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof DOMException && error.name === "AbortError")
    return { status: 499, message: "the client has gone", code: "client_gone" };
  if (!(error instanceof QuernError))
    return { status: 500, message: "the model failed while it computed; it is loaded again", code: "model_failed" };
  const { message, code } = error;
  const isMissing = code === "FILE"; // a model without tokenizer or template
  const status = CLIENT_CODES.has(code) || isMissing ? 400 : code === "MEMORY" ? 503 : 500;
  return { status, message, code: code.toLowerCase() };
}

/** A problem as a response. */
export function errorResponse(problem: ApiProblem): Response {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (problem.retryAfter !== undefined) headers["retry-after"] = String(problem.retryAfter);
  if (problem.status === 401) headers["www-authenticate"] = "Bearer";
  return new Response(JSON.stringify(errorBody(problem)), { status: problem.status, headers });
}
