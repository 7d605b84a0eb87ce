/** Keeps finished blocks as files of a folder, one per block. Each is written when the block is done and read when it is requested. */
import { FileError } from "../../base/errors.ts";
import { committed } from "../../files/output.ts";
import type { ByteSource } from "../../files/source.ts";
import type { WorkFolder } from "../../files/work-folder.ts";
import { openSafetensors } from "../../format/safetensors.ts";
import type { Model } from "../../model/model.ts";
import { layerLinears } from "../../model/weights/weight-tree.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { modelUnder } from "../recipe/outer-bits.ts";
import { type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { QuantizedBlock, QuantizedMatrices } from "../result/quantized.ts";
import { type BlockFile, type ExpectedModule, openBlock, readBlock, writeBlock } from "./block-file.ts";

/** File names of blocks. */
export const BLOCK_FILE: RegExp = /^(?:layer-\d+|embedding|head)\.safetensors$/;

/** A block whose file is open. */
interface OpenBlock extends BlockFile {
  readonly layer: number;
  readonly source: ByteSource;
}

export class BlockFolder implements QuantizedMatrices {
  readonly #folder: WorkFolder;
  readonly #layers: number;
  /** The matrices that each block must have: first those of layers, then embedding and head. */
  readonly #expected: readonly (readonly ExpectedModule[])[];
  readonly #places: ReadonlyMap<string, { readonly layer: number; readonly module: ExpectedModule }>;
  /** The block that was read last: the output is written block by block, so one open file is enough. */
  #open: OpenBlock | undefined;

  constructor(folder: WorkFolder, model: Model, settings: QuantizeSettings) {
    this.#folder = folder;
    const { layers, embedding, head } = modelUnder(model, settings.modules).weights;
    this.#layers = layers.length;
    const parts = [...layers.map(layerLinears), [embedding], head.role === "head" ? [head] : []];
    this.#expected = parts.map((linears) =>
      linears.flatMap((linear): readonly ExpectedModule[] => {
        const { bits, groupSize } = settingOf(settings, linear);
        const { name, rows, cols } = linear;
        return bits === 16 ? [] : [{ name, rows, cols, bits, groupSize }];
      }),
    );
    this.#places = new Map(
      this.#expected.flatMap((modules, layer) => modules.map((module) => [module.name, { layer, module }] as const)),
    );
  }

  /** Number of blocks: the layers, and one each for an embedding and a head that are quantised. */
  get count(): number {
    return this.#expected.filter((modules, block) => block < this.#layers || modules.length > 0).length;
  }

  async load(layer: number): Promise<QuantizedBlock | undefined> {
    const source = await this.#folder.open(this.#file(layer));
    if (source === undefined) return undefined;
    try {
      return await readBlock(await openSafetensors(source), layer, this.#expected[layer]);
    } finally {
      await source.close?.();
    }
  }

  async save(layer: number, block: QuantizedBlock): Promise<void> {
    const output = await this.#folder.file(this.#file(layer));
    await committed(output, () => writeBlock(output, layer, block));
  }

  async get(name: string): Promise<QuantizedMatrix | undefined> {
    const place = this.#places.get(name);
    return place && (await this.#blockOf(place.layer)).matrix(place.module);
  }

  async scales(name: string): Promise<Float32Array | undefined> {
    const place = this.#places.get(name);
    return place && (await this.#blockOf(place.layer)).scales(place.module);
  }

  /** Closes the file that was read last. */
  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    await open?.source.close?.();
  }

  #file(block: number): string {
    const name = ["embedding", "head"][block - this.#layers] ?? `layer-${block}`;
    return `${name}.safetensors`;
  }

  async #blockOf(layer: number): Promise<BlockFile> {
    if (this.#open?.layer === layer) return this.#open;
    await this.close();
    const source = await this.#folder.open(this.#file(layer));
    if (source === undefined)
      throw new FileError(`${this.#folder.name}/${this.#file(layer)}`, "found no such file, expected a finished block");
    this.#open = { ...openBlock(await openSafetensors(source), layer, this.#expected[layer]), layer, source };
    return this.#open;
  }
}
