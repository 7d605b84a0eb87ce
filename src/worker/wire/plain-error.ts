/** Errors as plain data, and plain data as errors: structured clone drops an error's class, code and details. */
import {
  FileError,
  FormatError,
  MemoryError,
  type MemoryNeed,
  NumericsError,
  QuernError,
  RemoteError,
  ShapeError,
  StorageError,
  TemplateError,
  UnsupportedError,
  UsageError,
  WorkerError,
} from "../../base/errors.ts";

export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  /** Whether it is one of the browser's own, such as `AbortError`. */
  readonly isDom?: boolean;
  readonly stack?: string;
  readonly cause?: PlainError;
}

/** Causes of causes that are told; a circle of causes would never end. */
const MOST_CAUSES = 4;

export function plainError(error: unknown, depth = 0): PlainError {
  if (!(error instanceof Error) && !isDomException(error)) return { name: "Error", message: String(error) };
  const { name, message, stack, cause } = error as Error;
  const { code, details } = error instanceof QuernError ? error : { code: undefined, details: undefined };
  const isDom = isDomException(error);
  const causes = cause === undefined || depth === MOST_CAUSES ? undefined : plainError(cause, depth + 1);
  return { name, message, code, details, isDom, stack, cause: causes };
}

const isDomException = (error: unknown) => typeof DOMException === "function" && error instanceof DOMException;

type Details = Readonly<Record<string, never>>;
type Revive = (details: Details, problem: string, options: ErrorOptions) => Error;

/** How each kind is made again. `problem` is the message without `where`. */
const KINDS: Readonly<Record<string, Revive>> = {
  FORMAT: ({ where }, problem, options) => new FormatError(where, problem, options),
  SHAPE: ({ where, expected, actual }) => new ShapeError(where, expected, actual),
  UNSUPPORTED: ({ where, found, supported }) => new UnsupportedError(where, found, supported),
  MEMORY: ({ where, ...need }, _, options) => new MemoryError(where, need as unknown as MemoryNeed, options),
  NUMERICS: ({ where }, problem) => new NumericsError(where, problem),
  USAGE: ({ where, found, expected }) => new UsageError(where, found, expected),
  FILE: ({ where }, problem, options) => new FileError(where, problem, options),
  REMOTE: ({ where, status }, problem, options) => new RemoteError(where, problem, { ...options, status }),
  TEMPLATE: ({ where, ...details }, problem) => new TemplateError(where, problem, details as never),
  STORAGE: ({ where, reason }, problem, options) => new StorageError(where, problem, { ...options, reason }),
  WORKER: ({ where }, problem, options) => new WorkerError(where, problem, options),
};

export function revivedError({ name, message, code, details, isDom, stack, cause }: PlainError): Error {
  const options = cause === undefined ? {} : { cause: revivedError(cause) };
  if (isDom) return new DOMException(message, name);
  const where = String(details?.["where"] ?? "");
  const revive = code === undefined ? undefined : KINDS[code];
  const error = revive?.(details as Details, message.slice(where.length + 2), options) ?? new Error(message, options);
  if (revive === undefined) error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}
