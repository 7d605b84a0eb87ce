/**
 * Whole Hessians of the inputs of linears. Each row of a site's statistics has a lower triangle, stored by rows: one per routed expert,
 * elsewhere a single one. They are the largest part of the statistics, so they may stay in a file and are read one by one.
 */
import { FileError } from "../../base/errors.ts";
import { committed } from "../../files/output.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import { openSafetensors } from "../../format/safetensors.ts";
import { writeSafetensors } from "../../format/safetensors-writer.ts";
import { readTensor, requireTensor } from "../../format/tensor-index.ts";

/** The Hessians of one site, read one by one. */
export interface Triangles {
  /** Triangle of H = 2/T X^T X for row `row`, f64 [cols (cols + 1) / 2]. @throws FormatError if the file is damaged. */
  of(row: number): Promise<Float64Array>;
}

/** The number of a site's triangles and their columns. */
export interface TriangleShape {
  readonly layer: number;
  readonly site: string;
  readonly experts: number;
  readonly cols: number;
}

/** Keeps the triangles of a site. Each triangle is made once. */
export type KeepTriangles = (shape: TriangleShape, make: (row: number) => Promise<Float64Array>) => Promise<Triangles>;

/** Triangles in memory. */
export function heldTriangles(triangles: readonly Float64Array[]): Triangles {
  return { of: async (row) => triangles[row] };
}

/** Keeps triangles in memory. */
export const holdTriangles: KeepTriangles = async ({ experts }, make) => {
  const triangles: Float64Array[] = [];
  for (let row = 0; row < experts; row++) triangles.push(await make(row));
  return heldTriangles(triangles);
};

const HESSIAN_FILE = /^hessian-.*\.safetensors$/;

/** Keeps the triangles of one chunk of windows in files of a folder, one file per site. */
export function storeTriangles(folder: WorkFolder, chunk: number): KeepTriangles {
  return async ({ layer, site, experts, cols }, make) => {
    const name = `hessian-${chunk}-${layer}-${site}.safetensors`;
    const output = await folder.file(name);
    const tensors = Array.from({ length: experts }, (_, row) => ({
      ...({ name: String(row), dtype: "F64", shape: [(cols * (cols + 1)) / 2] } as const),
      async *pieces() {
        yield new Uint8Array((await make(row)).buffer);
      },
    }));
    await committed(output, () => writeSafetensors(output, tensors));
    return { of: (row) => readTriangle(folder, name, row) };
  };
}

/** Removes the files of `storeTriangles` from a folder. */
export async function removeTriangles(folder: WorkFolder): Promise<void> {
  await folder.remove((await folder.list()).filter((file) => HESSIAN_FILE.test(file)));
}

async function readTriangle(folder: WorkFolder, name: string, row: number): Promise<Float64Array> {
  const source = await folder.open(name);
  if (source === undefined) throw new FileError(`${folder.name}/${name}`, "found no such file, expected Hessians");
  try {
    const entry = requireTensor(await openSafetensors(source), String(row));
    const triangle = new Float64Array(entry.byteLength / 8);
    await readTensor(entry, new Uint8Array(triangle.buffer));
    return triangle;
  } finally {
    await source.close?.();
  }
}

/** The mean of two runs' triangles, weighted by each row's tokens. It is computed when it is requested. */
export function meanTriangles(a: Triangles, b: Triangles, tokens: readonly [Float64Array, Float64Array]): Triangles {
  return {
    async of(row) {
      const [left, right] = [await a.of(row), await b.of(row)];
      const weights = [tokens[0][row], tokens[1][row]] as const;
      return left.map((value, at) => meanOfTwo(value, right[at], weights));
    },
  };
}

/** (m a + n b) / (m + n); 0 if both weights are 0. */
export function meanOfTwo(a: number, b: number, [m, n]: readonly [number, number]): number {
  return m + n === 0 ? 0 : (m * a + n * b) / (m + n);
}
