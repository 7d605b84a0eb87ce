import { describe, expect, it } from "vitest";
import { memoryOutput } from "../../src/files/output.ts";

describe("memoryOutput", () => {
  it("holds nothing before commit and everything after", async () => {
    const output = memoryOutput("out");
    const sink = await output.file("a");
    const piece = Uint8Array.of(1, 2);
    await sink.write(piece);
    piece.fill(9); // the caller's buffer is its own again
    await sink.write(Uint8Array.of(3));
    expect(output.files.size).toBe(0);
    await expect(output.commit()).rejects.toThrow("out: found a still open");
    await sink.close();
    await output.commit();
    await output.abort();
    expect(output.files).toEqual(new Map([["a", Uint8Array.of(1, 2, 3)]]));
  });

  it("discards everything on abort, and when left without commit", async () => {
    const output = memoryOutput();
    await (await output.file("a")).write(Uint8Array.of(1));
    await output[Symbol.asyncDispose]();
    await output.commit();
    expect(output.files.size).toBe(0);
  });

  it("rejects a path, a second file of one name, and a write after close", async () => {
    const output = memoryOutput("out");
    for (const name of ["../a", "a/b", "a\\b", "", ".", ".."])
      await expect(output.file(name)).rejects.toMatchObject({ code: "FILE" });
    const sink = await output.file("a");
    await expect(output.file("a")).rejects.toThrow("out/a: found it written already");
    await sink.close();
    await expect(sink.write(Uint8Array.of(1))).rejects.toThrow("out/a: found it closed");
  });
});
