import { describe, expect, it } from "vitest";
import * as errors from "../../../src/base/errors.ts";
import { plainError, revivedError } from "../../../src/worker/wire/plain-error.ts";

const cause = new TypeError("fetch failed");
const KINDS: readonly errors.QuernError[] = [
  new errors.FormatError("m/config.json: field a", "found 1, expected 2", { cause }),
  new errors.ShapeError("w", [1, 2], [3]),
  new errors.UnsupportedError("model_type", "gpt2", ["mixtral", "olmoe"]),
  new errors.MemoryError("weights", { askedBytes: 5e9, limitBytes: 4e9 }, { cause }),
  new errors.NumericsError("layer 3", "found NaN"),
  new errors.UsageError("bits", "5", "2, 3, 4 or 8"),
  new errors.FileError("m", "found nothing", { cause }),
  new errors.RemoteError("https://host/m", "the server answered 404", { status: 404, cause }),
  new errors.TemplateError("chat_template", "roles must alternate", { raised: true, template: "{{ a }}" }),
  new errors.StorageError("stored model m", "found no more room", { reason: "full", cause }),
  new errors.WorkerError("worker", "it ended", { cause }),
];

const crossed = (error: unknown) => revivedError(structuredClone(plainError(error)));

describe("errors that cross the border", () => {
  it("are all kinds that there are", () => {
    const classes = Object.values(errors).filter((each) => each !== errors.QuernError);
    expect(KINDS.map((error) => error.constructor)).toEqual(classes);
  });

  it.each(KINDS.map((error) => [error.name, error] as const))(
    "%s keeps class, code, message, details and cause",
    (_, error) => {
      const found = crossed(error);
      expect(found).toBeInstanceOf(error.constructor);
      const fields = ({ name, message, code, details, stack }: errors.QuernError) => ({
        name,
        message,
        code,
        details,
        stack,
      });
      expect(fields(found as errors.QuernError)).toEqual(fields(error));
      expect(Object.entries(found)).toEqual(Object.entries(error));
      const found_cause = found.cause as Error | undefined;
      expect(found_cause?.message).toBe((error.cause as Error | undefined)?.message);
    },
  );

  it("keep the browser's own kinds, and the names of others", () => {
    const aborted = crossed(new DOMException("ended", "AbortError"));
    expect([aborted instanceof DOMException, aborted.name, aborted.message]).toEqual([true, "AbortError", "ended"]);
    const other = crossed(new RangeError("Array buffer allocation failed"));
    expect([other.name, other.message]).toEqual(["RangeError", "Array buffer allocation failed"]);
    expect(crossed("a word").message).toBe("a word");
  });

  it("end where causes go round in a circle", () => {
    const round = new Error("round");
    round.cause = round;
    expect(crossed(round).message).toBe("round");
  });
});
