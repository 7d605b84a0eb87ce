/** The codecs of a bundle, whose linears lie in the file as they lie in memory. They check bytes that were read, and lay nothing. */
import { FormatError, ShapeError, UnsupportedError } from "../../base/errors.ts";
import type { Codec, LaidMatrix, LoadBench, StoredMatrix, StoredModule, StoredVector } from "../codecs/codec.ts";
import type { ReadRange } from "../read-ahead.ts";
import type { TensorEntry } from "../tensor-index.ts";
import type { LyingLinear } from "./bundle-index.ts";
import { partsOf } from "./bundle-index.ts";
import type { BundleTensors } from "./open-bundle.ts";
import { checksumStaging, panelChecksum } from "./panel-checksum.ts";

/** One codec for floats and one for codes, since routers may only be floats. */
export function bundleCodecs(index: BundleTensors): readonly Codec[] {
  return [false, true].map((packs) => ({
    name: "bundle",
    packs,
    holds({ name }) {
      const linear = index.linears.get(name);
      return linear !== undefined && (linear.form.kind !== "float") === packs;
    },
    locate: (module) => storedLinear(index, module),
  }));
}

/** A linear of a bundle, with what names it in errors. */
interface CheckedLinear {
  readonly where: string;
  readonly linear: LyingLinear;
  readonly range: ReadRange;
}

function storedLinear(index: BundleTensors, { name, rows, cols }: StoredModule): StoredMatrix {
  const linear = index.linears.get(name) as LyingLinear;
  const { form, fileType, isFloatFormat } = linear;
  const where = `${index.name}: ${name}`;
  if (linear.rows !== rows || linear.cols !== cols)
    throw new ShapeError(where, [rows, cols], [linear.rows, linear.cols]);
  const tensor: TensorEntry = index.entries.get(`${name}.weight`) as TensorEntry;
  const range = { tensor, start: 0, length: tensor.byteLength };
  const place = { where, linear, range };
  const refuse = async () => {
    throw new UnsupportedError(where, "weights of a bundle", ["a folder"]);
  };
  const common = {
    ...{ memoryBytes: range.length, diskBytes: range.length, tensors: [tensor], lying: range },
    ...(fileType !== undefined && { fileType }),
    bias: storedBias(index, name, rows),
    stagingBytes: checksumStaging(range.length),
    reads: () => [],
    lay: (bench: LoadBench, address: number) => layLying(place, bench, address),
  };
  if (form.kind === "float") return { ...common, ...form, tensor, readRows: refuse };
  if (form.kind === "blocks") return { ...common, ...form, readRows: refuse };
  return { ...common, ...form, read: refuse, ...(isFloatFormat && { isFloatFormat }) };
}

/** The bias, which is loaded with the panels; only copies read it alone. */
function storedBias(index: BundleTensors, name: string, rows: number): StoredVector | undefined {
  const tensor = index.entries.get(`${name}.bias`);
  return (
    tensor && {
      tensor,
      async read() {
        const values = new Float32Array(rows);
        await tensor.source.read(tensor.offset, new Uint8Array(values.buffer));
        return values;
      },
    }
  );
}

/** @throws FormatError for bytes that are not those that were written. */
async function layLying(
  { where, linear, range }: CheckedLinear,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { machine, staging } = bench;
  const { arena } = machine;
  const found = panelChecksum(machine, { address, bytes: range.length }, staging);
  if (found !== linear.checksum)
    throw new FormatError(where, `found the checksum ${found}, expected ${linear.checksum}; the file is damaged`);
  const { perm, bias } = partsOf(linear);
  if (linear.perm) checkOrder(where, arena.i32(address + perm, linear.cols));
  return {
    perm: undefined,
    ...(linear.perm && { permPtr: address + perm }),
    ...(linear.bias && { biasPtr: address + bias }),
  };
}

/** Kernels read columns at these places without checks. */
function checkOrder(where: string, perm: Int32Array): void {
  const seen = new Uint8Array(perm.length);
  for (const column of perm) if (column >= 0 && column < perm.length) seen[column] = 1;
  if (seen.includes(0)) throw new FormatError(where, "found an order that lacks columns, expected each column once");
}
