import { describe, expect, it } from "vitest";
import { blobSource, bytesSource, filesFolder, PIECE_BYTES, readAll } from "../../src/files/source.ts";

const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

describe.each([
  ["bytesSource", bytesSource("f", bytes)],
  ["blobSource", blobSource("f", new Blob([bytes]))],
])("%s", (_, source) => {
  it("fills exactly the view it is given", async () => {
    const into = new Uint8Array(20).fill(255);
    await source.read(95, into.subarray(10, 15));
    expect([...into]).toEqual([...Array(10).fill(255), 95, 96, 97, 98, 99, ...Array(5).fill(255)]);
  });

  it("rejects a range that is not all inside, and names file, offset and length", async () => {
    await expect(source.read(95, new Uint8Array(6))).rejects.toThrow(
      "f: found 100 bytes, expected at least 101 (6 bytes from offset 95); the file is cut short",
    );
    for (const offset of [-1, 1.5, 2 ** 60, Number.NaN])
      await expect(source.read(offset, new Uint8Array(1))).rejects.toMatchObject({ code: "FORMAT" });
    await source.read(100, new Uint8Array(0));
  });
});

describe("blobSource", () => {
  it("joins pieces", async () => {
    const large = new Uint8Array(PIECE_BYTES + 3).map((_, i) => i % 251);
    expect(Buffer.compare(await readAll(blobSource("f", new Blob([large])), large.length), large)).toBe(0);
  });
});

describe("readAll", () => {
  it("refuses a file beyond the limit before reading it", async () => {
    const endless = { name: "f", size: 2 ** 50, read: () => Promise.reject(new Error("read")) };
    await expect(readAll(endless, 1000)).rejects.toThrow(`f: found ${2 ** 50} bytes, expected at most 1000`);
  });
});

describe("filesFolder", () => {
  it("opens bytes, blobs and sources by name, lists them sorted, and closes sources", async () => {
    let closed = 0;
    const source = { ...bytesSource("elsewhere", bytes), close: async () => void closed++ };
    const folder = filesFolder("m", { c: source, a: bytes, b: new Blob([bytes]) });
    expect(await folder.list()).toEqual(["a", "b", "c"]);
    expect([(await folder.open("a"))?.name, (await folder.open("b"))?.size, (await folder.open("c"))?.name]).toEqual([
      "m/a",
      100,
      "elsewhere",
    ]);
    expect(await folder.open("d")).toBeUndefined();
    expect(await folder.open("toString")).toBeUndefined();
    await folder.close();
    expect(closed).toBe(1);
  });
});
