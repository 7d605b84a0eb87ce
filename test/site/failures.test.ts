import { afterEach, describe, expect, it, vi } from "vitest";
import { failureSentence } from "../../site/src/engine/failures.ts";
import { FormatError, MemoryError, RemoteError, StorageError, WorkerError } from "../../src/base/errors.ts";

describe("failureSentence", () => {
  afterEach(() => vi.unstubAllGlobals());

  it.each([
    [
      "memory",
      new MemoryError("weights", { askedBytes: 5e9, limitBytes: 4e9 }),
      /^There is not enough memory: Weights: needs 5000 MB.* The model that was open before still is/,
    ],
    [
      "a server",
      new RemoteError("config.json", "the server answered 503"),
      /^The model could not be fetched: Config\.json: the server answered 503\. It can be tried again/,
    ],
    [
      "a file",
      new FormatError("a.gguf", "found no header"),
      /^A\.gguf: found no header\. The model that was open before still is/,
    ],
    [
      "a full device",
      new StorageError("stored model a", "found no more room", { reason: "full" }),
      /^Stored model a: found no more room\. The model runs all the same/,
    ],
    [
      "a worker that ended",
      new WorkerError("worker", "it ended"),
      /^The engine ended: Worker: it ended\. Opening a model starts it anew/,
    ],
    ["something thrown that is no error", "odd", /^Odd\. The model that was open/],
  ])("says what still works after %s", (_, error, sentence) => {
    vi.stubGlobal("navigator", { onLine: true });
    expect(failureSentence(error, "open")).toMatch(sentence);
  });

  it("says of a device without a network that stored models open", () => {
    vi.stubGlobal("navigator", { onLine: false });
    expect(failureSentence(new RemoteError("a", "gone"), "open")).toMatch(
      /offline.*Stored models and files of this device open/,
    );
    expect(failureSentence(new FormatError("a", "bad"), "open")).not.toMatch(/offline/);
  });

  it("says nothing of a job that the person ended", () => {
    expect(failureSentence(new DOMException("ended", "AbortError"), "grind")).toBeUndefined();
  });
});
