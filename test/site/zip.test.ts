import { unzipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { zipFiles } from "../../site/src/grind/zip.ts";

describe("zipFiles", () => {
  it("packs files that another program reads back", async () => {
    const bytes = Uint8Array.from({ length: 3_000_001 }, (_, i) => (i * 31) ^ (i >> 8));
    const files = [
      { name: "model.safetensors", blob: new Blob([bytes]) },
      { name: "größe.json", blob: new Blob(['{"a":1}']) },
      { name: "empty", blob: new Blob([]) },
    ];
    const read = unzipSync(new Uint8Array(await (await zipFiles(files)).arrayBuffer()));
    expect(Object.keys(read)).toEqual(files.map(({ name }) => name));
    expect(Buffer.compare(read["model.safetensors"], bytes)).toBe(0);
    expect(new TextDecoder().decode(read["größe.json"])).toBe('{"a":1}');
    expect(read["empty"].length).toBe(0);
  });

  it("has the CRC-32 that the format's own check value says", async () => {
    const archive = new DataView(await (await zipFiles([{ name: "a", blob: new Blob(["123456789"]) }])).arrayBuffer());
    expect(archive.getUint32(14, true)).toBe(0xcbf43926);
  });
});
