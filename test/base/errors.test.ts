import { describe, expect, it } from "vitest";
import * as errors from "../../src/base/errors.ts";
import { RequestError } from "../../src/eval/scoring/model-likelihood.ts";

const {
  FileError,
  FormatError,
  MemoryError,
  NumericsError,
  RemoteError,
  ShapeError,
  StorageError,
  TemplateError,
  UnsupportedError,
  UsageError,
  WorkerError,
} = errors;

const NAMED: readonly (readonly [string, new (...args: never[]) => Error])[] = Object.entries({
  FileError,
  FormatError,
  MemoryError,
  NumericsError,
  RemoteError,
  ShapeError,
  StorageError,
  TemplateError,
  UnsupportedError,
  UsageError,
  WorkerError,
});

describe("errors", () => {
  it("are all named here", () => {
    expect(NAMED.map(([name]) => name).sort()).toEqual(
      Object.keys(errors)
        .filter((name) => name !== "QuernError")
        .sort(),
    );
  });

  // A bundler that minifies renames the class: a subclass under another name shows what is written and what is derived.
  it.each(NAMED)("%s keeps its name where its class is renamed", (name, known) => {
    const Renamed = class e extends (known as new (...args: unknown[]) => Error) {};
    const error = new Renamed("where", [], []);
    expect(Renamed.name).toBe("e");
    expect(error.name).toBe(name);
    expect(error).toBeInstanceOf(errors.QuernError);
  });

  it("of a request too", () => {
    const Renamed = class t extends RequestError {};
    expect(new Renamed(3, new UsageError("a", "b", "c"))).toMatchObject({ name: "RequestError", code: "USAGE" });
  });
});
