import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { errorCode, fileError, withFileErrors } from "../../src/adapter/file-errors.ts";
import { FileError, UsageError } from "../../src/base/errors.ts";

const systemError = (code: string) => Object.assign(new Error(`${code}: something`), { code });

describe("fileError", () => {
  it("is a sentence that names the path", async () => {
    const missing = withFileErrors("models/none", () => readFile("/nowhere/at/all"));
    await expect(missing).rejects.toThrow(FileError);
    await expect(missing).rejects.toThrow("models/none: found no such file or folder, expected it to exist");
    expect(fileError("out", systemError("ENOSPC")).message).toContain("out: the disk is full");
  });

  it("keeps what the system said where there is no sentence for it, and as its cause", () => {
    const cause = systemError("EXDEV");
    const error = fileError("out", cause);
    expect(error.message).toBe("out: EXDEV: something");
    expect(error.cause).toBe(cause);
  });

  it("passes over errors that are not the system's", () => {
    const own = new UsageError("--output", "none", "a path");
    expect(fileError("out", own)).toBe(own);
    expect(errorCode(systemError("ERR_INVALID_ARG_TYPE"))).toBeUndefined();
    expect([errorCode(null), errorCode({ code: 5 }), errorCode(systemError("EIO"))]).toEqual([
      undefined,
      undefined,
      "EIO",
    ]);
  });
});
