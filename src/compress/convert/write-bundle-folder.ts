/** Writes the folder of a bundle: its weights are taken out of their panels, and its other files are copied. */
import { UsageError } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { StoredMatrix } from "../../format/codecs/codec.ts";
import { readGptqConfig } from "../../format/gptq/gptq-config.ts";
import { storedGroupSize } from "../../format/gptq/gptq-grid.ts";
import { type ReadRange, readAlone } from "../../format/read-ahead.ts";
import { readLying } from "../../format/read-lying.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import { naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { unlayCodes } from "./unlay-codes.ts";
import { type ConvertOptions, writeFolder } from "./write-folder.ts";

/** Returns the bytes of all weight files. */
export async function writeBundleFolder(
  files: ModelFiles,
  options: ConvertOptions,
): Promise<{ readonly bytes: number }> {
  const { machine, signal } = options;
  if (machine === undefined) throw new UsageError("machine", "nothing", "an engine");
  const { arena } = machine;
  const config = await readGptqConfig(files.folder);
  const turns = new Turns(signal);
  using memory = arena.region();
  const larger = (most: number, { stored }: StoredLinear) => Math.max(most, stored.memoryBytes + stored.stagingBytes);
  const ptr = memory.alloc(files.linears.reduce(larger, 0));
  // A folder has several tensors of a linear in a row: its panels stay until another one is read, and so do its codes.
  let last: StoredMatrix | undefined;
  let permPtr = 0;
  let matrix: QuantizedMatrix | undefined;
  const hold = async (stored: StoredMatrix) => {
    if (last === stored) return;
    last = matrix = undefined;
    await readLying(arena, stored.lying as ReadRange, ptr);
    const bench = { machine, turns, staging: ptr + stored.memoryBytes, read: readAlone, warn() {} };
    permPtr = (await stored.lay(bench, ptr)).permPtr ?? 0;
    last = stored;
  };
  const unlaid = (linear: StoredLinear): StoredMatrix => {
    const { name, rows, cols, stored } = linear;
    if (stored.kind === "packed") {
      const groupSize = storedGroupSize(config, linear, cols / stored.groupSize);
      const read = async () => {
        await hold(stored);
        const panels = { ...stored, ptr, rows, cols, permPtr };
        matrix ??= unlayCodes(machine, panels, { memory, where: `${files.name}: ${name}`, groupSize });
        return matrix;
      };
      return { ...stored, groupSize, read };
    }
    const readRows = async (first: number, count: number) => {
      await hold(stored);
      const room = memory.alloc(4 * count * (cols + 1));
      const values = room + 4 * count;
      arena.i32(room, count).set(naturalOrder(count).map((at) => first + at));
      const args = [count, values, room, ptr, cols, cols] as const;
      if (stored.kind === "float") machine.call(`embed_${stored.dtype}`, ...args);
      else machine.call("embed_blocks", ...args, stored.bits, stored.blockSize);
      const found = arena.f32(values, count * cols).slice();
      memory.free(room);
      return found;
    };
    return { ...stored, readRows };
  };
  const linears = files.linears.map((linear) => ({ ...linear, stored: unlaid(linear) }));
  // Tensors without settings are read as those of the first version.
  return await writeFolder({ ...files, linears }, options, config?.version ?? "gptq");
}
