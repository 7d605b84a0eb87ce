import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { isFile, isResponse, requireGivenFile, requireRecord } from "../../src/files/given-files.ts";

describe("requireGivenFile", () => {
  it("takes bytes, blobs and sources", () => {
    const source = { name: "f", size: 0, read: async () => {} };
    for (const file of [
      new Uint8Array(1),
      new ArrayBuffer(1),
      new Blob([]),
      new Response(),
      source,
      Promise.resolve(source),
    ])
      expect(() => requireGivenFile("model", file)).not.toThrow();
  });

  it.each([
    [
      "text",
      'model: found the text "text", expected a Uint8Array, an ArrayBuffer, a Blob, a Response or a ByteSource; new TextEncoder()',
    ],
    [[1, 2], "found a list of 2"],
    [5, "found a number"],
    [null, "found null"],
    [undefined, "found undefined"],
    [{ read: true }, "found an object"],
  ])("refuses %o and says what to do", (file, sentence) => {
    expect(() => requireGivenFile("model", file)).toThrow(UsageError);
    expect(() => requireGivenFile("model", file)).toThrow(sentence);
  });

  it("shows the beginning of a long text", () => {
    expect(() => requireGivenFile("model", "x".repeat(1000))).toThrow(`the text "${"x".repeat(97)}...", expected`);
  });
});

describe("requireRecord", () => {
  it("takes files by name", () => {
    expect(() => requireRecord("model", { "config.json": new Uint8Array(1) })).not.toThrow();
  });

  it.each([
    ["x", "the text"],
    [[], "a list of 0"],
    [new Uint8Array(2), "a value of type Uint8Array"],
    [null, "null"],
  ])("refuses %o", (files, found) => {
    expect(() => requireRecord("model", files)).toThrow(`model: found ${found}`);
    expect(() => requireRecord("model", files)).toThrow("expected files by name");
  });
});

describe("isFile", () => {
  it("knows a response", () => {
    expect(isResponse(new Response("text"))).toBe(true);
    expect(isFile(new Response("text"))).toBe(true);
    expect(isResponse({ [Symbol.toStringTag]: "Response" })).toBe(false);
  });

  it("does not touch the runtime's Response for other values, since Node loads its HTTP client for it", () => {
    let touched = 0;
    const { Response: original } = globalThis;
    const descriptor = Object.getOwnPropertyDescriptor(globalThis, "Response") as PropertyDescriptor;
    const get = () => {
      touched++;
      return original;
    };
    Object.defineProperty(globalThis, "Response", { configurable: true, get });
    try {
      for (const value of [new Uint8Array(1), new Blob([]), {}, { open() {}, list() {} }, null, "text"]) isFile(value);
      expect(touched).toBe(0);
      expect(isFile(new original("text"))).toBe(true);
      expect(touched).toBe(1);
    } finally {
      Object.defineProperty(globalThis, "Response", descriptor);
    }
  });
});
