import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileError, FormatError, UsageError } from "../../../src/base/errors.ts";
import {
  IDS_LIMIT_BYTES,
  parseIds,
  readIdsFile,
  readTextInput,
  TEXT_LIMIT_BYTES,
} from "../../../src/cli/input/text-input.ts";

const { signal } = new AbortController();
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-inputs-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe("readTextInput", () => {
  it("gives the text exactly as it is, packed or not", async () => {
    const text = "\ufeff\r\n a\u0085\n\n";
    expect(await readTextInput(file("a.txt", text), signal)).toBe(text);
    expect(await readTextInput(file("a.raw.gz", gzipSync(text)), signal)).toBe(text);
  });

  it("names the file that is missing, broken or no text", async () => {
    const damaged = gzipSync("some text, long enough to be packed").subarray(0, 20);
    await expect(readTextInput(join(folder, "none.txt"), signal)).rejects.toThrow(FileError);
    await expect(readTextInput(file("b.gz", damaged), signal)).rejects.toThrow(
      /b\.gz: found gzip that cannot be unpacked/,
    );
    await expect(readTextInput(file("c.gz", "plain"), signal)).rejects.toThrow(/c\.gz: found no gzip data/);
    await expect(readTextInput(file("d.txt", Uint8Array.of(0xff, 0x41)), signal)).rejects.toThrow(
      /d\.txt: .*not UTF-8/,
    );
  });
});

describe("inputs without an end in sight", () => {
  const tooMuch = (bytes: number) => `found more than ${bytes} bytes`;

  it("end at the limit when they are a device", async () => {
    await expect(readTextInput("/dev/zero", signal)).rejects.toThrow(`/dev/zero: ${tooMuch(TEXT_LIMIT_BYTES)}`);
    await expect(readIdsFile("/dev/zero", signal)).rejects.toThrow(`/dev/zero: ${tooMuch(IDS_LIMIT_BYTES)}`);
  });

  it("end at the limit when they unpack to far more, and hold no more than that", async () => {
    // 100 members of 16 MB of zeros: 1.6 GB in 1.6 MB.
    const member = gzipSync(new Uint8Array(16_000_000));
    const bomb = file("bomb.txt.gz", Buffer.concat(Array(100).fill(member)));
    const before = process.memoryUsage.rss();
    await expect(readTextInput(bomb, signal)).rejects.toThrow(`bomb.txt.gz: ${tooMuch(TEXT_LIMIT_BYTES)}`);
    expect(process.memoryUsage.rss() - before).toBeLessThan(400e6);
  });

  it("stop when they are asked to", async () => {
    const stopped = AbortSignal.abort(new Error("enough"));
    await expect(readTextInput("/dev/zero", stopped)).rejects.toThrow("enough");
  });
});

describe("parseIds", () => {
  it("takes commas and spaces", () => {
    expect(parseIds("--ids", "1,2, 3 4")).toEqual([1, 2, 3, 4]);
    expect(parseIds("--ids", "")).toEqual([]);
  });

  it.each(["-1", "1.5", "a", "4294967296", "0x1"])("refuses %s", (text) => {
    expect(() => parseIds("--ids", text)).toThrow(UsageError);
  });
});

describe("readIdsFile", () => {
  it("reads an array, windows, and little endian numbers", async () => {
    const stream = { kind: "stream", ids: [1, 2, 65535] };
    expect(await readIdsFile(file("a.json", "[1, 2, 65535]"), signal)).toEqual(stream);
    expect(await readIdsFile(file("a.u16", Uint8Array.of(1, 0, 2, 0, 255, 255)), signal)).toEqual(stream);
    const i32 = Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0, 255, 255, 0, 0);
    expect(await readIdsFile(file("a.i32", i32), signal)).toEqual(stream);
    expect(await readIdsFile(file("a.i32.gz", gzipSync(i32)), signal)).toEqual(stream);
    const windows = file("w.json", '{"windows": [[1, 2], [3]], "offsets": [7]}');
    expect(await readIdsFile(windows, signal)).toEqual({ kind: "windows", windows: [[1, 2], [3]] });
  });

  it.each([
    ["x.json", '{"ids": [1]}', "x.json: found no array of ids"],
    ["x.json", "[1, -2]", 'x.json: found "-2" at index 1, expected a token id'],
    ["x.json", '{"windows": [[1], [1.5]]}', "x.json: windows[1]: found"],
    ["x.json", '{"windows": [3]}', "x.json: windows[0]: found no array"],
    ["x.json", "[1,", "x.json"],
    ["x.u16", "abc", "x.u16: found 3 bytes, expected a multiple of 2"],
    ["x.i32", "\u007f\u007f\u007f\u00ff", "x.i32: found 5 bytes, expected a multiple of 4"],
  ])("refuses %s with %s", async (name, content, message) => {
    const path = file(name, content);
    await expect(readIdsFile(path, signal)).rejects.toThrow(FormatError);
    await expect(readIdsFile(path, signal)).rejects.toThrow(message);
  });

  it("refuses negative numbers in an .i32 file", async () => {
    const path = file("n.i32", Uint8Array.of(255, 255, 255, 255));
    await expect(readIdsFile(path, signal)).rejects.toThrow('found "-1" at index 0');
  });
});
