import { describe, expect, it } from "vitest";
import { contentLength, contentRange, ifRange, sameVersion } from "../../../src/files/remote/content-range.ts";

const headers = (fields: Record<string, string>) => new Headers(fields);
const range = (text: string) => contentRange(headers({ "content-range": text }), "file");
const version = (etag?: string, modified?: string) => ({ etag, modified });

describe("contentRange", () => {
  it("reads range and size", () => {
    expect(range("bytes 2-9/100")).toEqual({ first: 2, last: 9, total: 100 });
    expect(range("Bytes  0-0/*")).toEqual({ first: 0, last: 0, total: undefined });
    expect(contentRange(headers({}), "file")).toBeUndefined();
  });

  it.each([
    "bytes 9-2/100",
    "bytes 0-100/100",
    "bytes */100",
    "items 0-1/2",
    "bytes 0-9007199254740993/*",
    "bytes -1-2/3",
  ])("refuses %s", (text) => expect(() => range(text)).toThrow("expected bytes FIRST-LAST/TOTAL"));
});

describe("contentLength", () => {
  it("knows no length of a body that is packed", () => {
    expect(contentLength(headers({ "content-length": "12" }))).toBe(12);
    expect(contentLength(headers({ "content-length": "12", "content-encoding": "gzip" }))).toBeUndefined();
    expect(contentLength(headers({ "content-length": "-1" }))).toBeUndefined();
  });
});

describe("versions", () => {
  it("are compared by their tags, or by their times", () => {
    expect(sameVersion(version('"a"'), version('W/"a"'))).toBe(true);
    expect(sameVersion(version('"a"'), version('"b"'))).toBe(false);
    expect(sameVersion(version('"a"', "now"), version('"a"', "then"))).toBe(true);
    expect(sameVersion(version(undefined, "now"), version('"a"', "then"))).toBe(false);
    expect(sameVersion(version('"a"'), version())).toBe(true);
  });

  it("are asked for by exact tags only", () => {
    expect(ifRange(version('"a"'))).toEqual({ "if-range": '"a"' });
    expect(ifRange(version('W/"a"'))).toEqual({});
  });
});
