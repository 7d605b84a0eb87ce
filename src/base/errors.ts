/** Every error Quern throws on purpose; anything else that escapes is a bug. */

/**
 * The base class of all errors. `code` never changes; `details` holds the fields that a program may want to read. Every class
 * writes its `name` out because bundlers rename classes.
 */
export abstract class QuernError extends Error {
  abstract readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;
  constructor(message: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
    super(message, options);
    this.details = details;
  }
}

/** A file, folder or field does not hold what its format says. `where` names the file, and the tensor or field in it. */
export class FormatError extends QuernError {
  override readonly name: string = "FormatError";
  readonly code = "FORMAT";
  readonly where: string;
  constructor(where: string, problem: string, options?: ErrorOptions) {
    super(`${where}: ${problem}`, { where }, options);
    this.where = where;
  }
}

/** Shapes do not fit together. */
export class ShapeError extends QuernError {
  override readonly name: string = "ShapeError";
  readonly code = "SHAPE";
  readonly expected: readonly number[];
  readonly actual: readonly number[];
  constructor(where: string, expected: readonly number[], actual: readonly number[]) {
    super(`${where}: found shape [${actual.join(", ")}], expected [${expected.join(", ")}]`, {
      where,
      expected,
      actual,
    });
    this.expected = expected;
    this.actual = actual;
  }
}

/** The input is well-formed, but Quern cannot run it. */
export class UnsupportedError extends QuernError {
  override readonly name: string = "UnsupportedError";
  readonly code = "UNSUPPORTED";
  constructor(where: string, found: string, supported: readonly string[]) {
    const list =
      supported.length === 0 ? "" : `, expected ${supported.length > 1 ? "one of " : ""}${supported.join(", ")}`;
    super(`${where}: found ${found}${list}`, { where, found, supported });
  }
}

/** Bytes that were asked for, and the most that there can be. */
export interface MemoryNeed {
  readonly askedBytes: number;
  readonly limitBytes: number;
}

/** The engine's memory cannot hold what was asked for. */
export class MemoryError extends QuernError {
  override readonly name: string = "MemoryError";
  readonly code = "MEMORY";
  constructor(where: string, { askedBytes, limitBytes }: MemoryNeed, options?: ErrorOptions) {
    const mb = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
    super(
      `${where}: needs ${mb(askedBytes)}, the limit is ${mb(limitBytes)}`,
      { where, askedBytes, limitBytes },
      options,
    );
  }
}

/** A computation failed: a number is not finite, or a matrix is not positive definite after every remedy. */
export class NumericsError extends QuernError {
  override readonly name: string = "NumericsError";
  readonly code = "NUMERICS";
  constructor(where: string, problem: string) {
    super(`${where}: ${problem}`, { where });
  }
}

/** The caller asked for something that makes no sense: an unknown option, a wrong argument, a value out of range. */
export class UsageError extends QuernError {
  override readonly name: string = "UsageError";
  readonly code = "USAGE";
  constructor(where: string, found: string, expected: string) {
    super(`${where}: found ${found}, expected ${expected}`, { where, found, expected });
  }
}

/** A file or folder cannot be read or written: missing, exists already, disk full. */
export class FileError extends QuernError {
  override readonly name: string = "FileError";
  readonly code = "FILE";
  constructor(where: string, problem: string, options?: ErrorOptions) {
    super(`${where}: ${problem}`, { where }, options);
  }
}

/** A server does not give what was asked for. `status` is that of HTTP, where the server gave one. `where` never holds a query or a token. */
export class RemoteError extends QuernError {
  override readonly name: string = "RemoteError";
  readonly code = "REMOTE";
  readonly status: number | undefined;
  constructor(where: string, problem: string, options: ErrorOptions & { readonly status?: number } = {}) {
    super(`${where}: ${problem}`, { where, status: options.status }, options);
    this.status = options.status;
  }
}

/**
 * A chat template refuses a conversation (`raised` is true, and the message ends in its own words), or cannot be read or rendered.
 * `template` is its beginning.
 */
export class TemplateError extends QuernError {
  override readonly name: string = "TemplateError";
  readonly code = "TEMPLATE";
  constructor(where: string, problem: string, details: { readonly raised: boolean; readonly template: string }) {
    super(`${where}: ${problem}`, { where, ...details });
  }
}

/** The storage of models: there is none, it is full, or it has no such model. The message says what works without it. */
export class StorageError extends QuernError {
  override readonly name: string = "StorageError";
  readonly code = "STORAGE";
  readonly reason: "none" | "full" | "missing";
  constructor(
    where: string,
    problem: string,
    options: ErrorOptions & { readonly reason: "none" | "full" | "missing" },
  ) {
    super(`${where}: ${problem}`, { where, reason: options.reason }, options);
    this.reason = options.reason;
  }
}

/** A worker ended, or could not be started. */
export class WorkerError extends QuernError {
  override readonly name: string = "WorkerError";
  readonly code = "WORKER";
  constructor(where: string, problem: string, options?: ErrorOptions) {
    super(`${where}: ${problem}`, { where }, options);
  }
}
