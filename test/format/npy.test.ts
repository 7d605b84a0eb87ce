import { describe, expect, it } from "vitest";
import { memoryOutput } from "../../src/files/output.ts";
import { bytesSource } from "../../src/files/source.ts";
import { npyHeader, readNpy, writeNpy } from "../../src/format/npy.ts";

async function written(shape: readonly number[], pieces: readonly Float32Array[]): Promise<Uint8Array> {
  const output = memoryOutput();
  const sink = await output.file("x.npy");
  await writeNpy(sink, shape, pieces);
  await sink.close();
  await output.commit();
  return output.files.get("x.npy")!;
}

/** A file with this header text; version 1.0 unless another is given. */
function npy(header: string, dataBytes: number, version: number = 1): Uint8Array {
  const text = new TextEncoder().encode(header);
  const start = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  return Uint8Array.of(
    0x93,
    ...new TextEncoder().encode("NUMPY"),
    version,
    0,
    ...start,
    ...text,
    ...new Uint8Array(dataBytes),
  );
}
const read = (bytes: Uint8Array) => readNpy(bytesSource("x.npy", bytes));

describe("npyHeader", () => {
  it("is what numpy 2 writes", () => {
    const header = npyHeader([2, 3]);
    expect(header).toHaveLength(128);
    expect([...header.subarray(0, 10)]).toEqual([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]);
    expect(new TextDecoder().decode(header.subarray(10))).toBe(
      `${"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }".padEnd(117)}\n`,
    );
  });
});

describe("writeNpy", () => {
  it("writes pieces that readNpy gives back whole", async () => {
    for (const shape of [[2, 3], [6], [1, 2, 3]])
      expect(await read(await written(shape, [Float32Array.of(1, 2), Float32Array.of(-3, 4, 5, 0.1)]))).toEqual({
        shape,
        data: Float32Array.of(1, 2, -3, 4, 5, 0.1),
      });
  });

  it("rejects pieces that do not make the shape", async () => {
    await expect(written([2, 3], [new Float32Array(5)])).rejects.toThrow(
      "found 5 numbers to write, expected 6 for shape [2, 3]",
    );
  });
});

describe("readNpy", () => {
  it("reads float64, int32 and scalars, and later versions of the header", async () => {
    expect(await read(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }\n", 16))).toEqual({
      shape: [2],
      data: new Float64Array(2),
    });
    expect(await read(npy("{'descr': '<i4', 'fortran_order': False, 'shape': (), }\n", 4, 2))).toEqual({
      shape: [],
      data: new Int32Array(1),
    });
  });

  it.each([
    [
      npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2,), }\n", 4),
      "found dtype <f2, expected one of <f4, <f8, <i4",
    ],
    [npy("{'descr': 'toString', 'fortran_order': False, 'shape': (2,), }\n", 4), "found dtype toString"],
    [npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }\n", 8), "found Fortran order, expected C order"],
    [
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", 7),
      "found 7 bytes of data, expected 8 for <f4 [2]",
    ],
    [
      npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }\n", 7),
      "found 7 bytes of data, expected 3",
    ],
    [npy("{}\n", 0), "expected descr, fortran_order and shape"],
    [npy("{}\n", 0, 9), "found .npy version 9"],
    [npy("{'descr'", 0).subarray(0, 14), "the file is cut short"],
    [new Uint8Array(4), "expected those of a .npy file"],
  ])("rejects a broken file (%#)", async (bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(message);
  });
});
