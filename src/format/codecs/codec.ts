/**
 * The types of codecs, which are ways of storing linears. For a module's name and shape, a codec returns the stored matrix: its bytes
 * in memory and on disk, and a function that packs it into panels. Loading, counting and writing of linears use only these types.
 */

import type { Bench } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { BlockForm, FloatDType } from "../../tensor/matrix.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { RangeRead, ReadRange } from "../read-ahead.ts";
import type { TensorEntry } from "../tensor-index.ts";

/** A linear [rows, cols], with the name of its module, such as `model.layers.0.self_attn.q_proj`. */
export interface StoredModule {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** Where it is if the experts of its layer share one tensor. */
  readonly bank?: BankPlace;
}

/** Some rows of one expert in a tensor [experts, blockRows, cols]; for an MLP that is not one of many, in a tensor [blockRows, cols]. */
export interface BankPlace {
  readonly tensor: string;
  /** -1 for a tensor without experts. */
  readonly expert: number;
  readonly blockRows: number;
  /** First row of the linear within the expert's block. */
  readonly firstRow: number;
  /** Distance to the linear's next row. Default 1. */
  readonly rowStep?: number;
  /** Whether float tensors are [experts, cols, blockRows]. */
  readonly transposed?: boolean;
  /** The tensor [experts, blockRows] of biases, if there is one. */
  readonly bias?: string;
}

/** A vector of floats on disk, such as a bias or a norm's weight. */
export interface StoredVector {
  readonly tensor: TensorEntry;
  /** Reads it as f32, exact. @throws NumericsError for a value that is not finite. */
  read(): Promise<Float32Array>;
}

interface Stored {
  /** Bytes of its panels in memory. */
  readonly memoryBytes: number;
  /** The type of its blocks in the file, such as `Q4_K`, with the bits of a code there; undefined for other ways of storing weights. */
  readonly fileType?: { readonly name: string; readonly bits: number };
  /** Bytes of its weights on disk; in a shared tensor, only those of its rows. */
  readonly diskBytes: number;
  /** All tensors that contain its weights. */
  readonly tensors: readonly TensorEntry[];
  /** The bias [rows]; undefined for a linear without one. */
  readonly bias: StoredVector | undefined;
  /** Bytes of staging room that `lay` needs. */
  readonly stagingBytes: number;
  /** Where the matrix lies in its file as in memory, with all that belongs to it; undefined where it must be laid. Neighbours are read together. */
  readonly lying?: ReadRange;
  /** What `lay` reads with the bench's `read`, in this order, so that it can be read ahead. */
  reads(): Iterable<ReadRange>;
  /**
   * Packs the whole matrix into panels at an address, a range of rows at a time. What lies in its file as in memory must be there already, and is
   * checked.
   * @throws NumericsError for weights that are not finite; FormatError or UnsupportedError for other invalid or unsupported contents.
   */
  lay(bench: LoadBench, address: number): Promise<LaidMatrix>;
}

/** A bench that reads files. */
export interface LoadBench extends Bench {
  readonly read: RangeRead;
  /** Called for oddities of a file: each sentence says what was odd and how it was read. */
  readonly warn: (sentence: string) => void;
}

/** What is needed to read panels, besides their address. */
export interface LaidMatrix {
  /** The stored column j is the linear's input column perm[j], [cols]; undefined if columns are in their natural order. */
  readonly perm: Int32Array | undefined;
  /** Addresses of permutation and bias, if they lie behind the panels. */
  readonly permPtr?: number;
  readonly biasPtr?: number;
  /** Of codes: the zero that all rows and groups turned out to have; left out if it is that of the stored matrix. */
  readonly zero?: number;
}

/** Weights as floats. */
export interface StoredFloat extends Stored {
  readonly kind: "float";
  readonly dtype: FloatDType;
  /** The rows of the linear as a tensor [rows, cols]. */
  readonly tensor: TensorEntry;
  /** Reads rows [first, first + count) as f32 [count, cols], exact. */
  readRows(first: number, count: number): Promise<Float32Array>;
}

/** Weights as codes, with a scale and a zero point for each group of columns. */
export interface StoredCodes extends Stored {
  readonly kind: "packed";
  readonly bits: Bits;
  /** Columns that share a scale; `cols` for the whole row. */
  readonly groupSize: number;
  /** The zero of all rows and groups, as `memoryBytes` counts; `OWN_ZEROS` if each has its own, or if only the file's contents can tell. */
  readonly zero: number;
  /** Reads the whole matrix. */
  read(): Promise<QuantizedMatrix>;
  /** Whether the codes are those of a small float format, whose models compute with float activations. */
  readonly isFloatFormat?: boolean;
}

/** Weights as codes with a scale and a minimum for each group of columns, in blocks of GGUF's types. */
export interface StoredBlocks extends Stored, BlockForm {
  readonly kind: "blocks";
  /** Reads rows [first, first + count) as f32 [count, cols]. */
  readRows(first: number, count: number): Promise<Float32Array>;
}

export type StoredMatrix = StoredFloat | StoredCodes | StoredBlocks;

/** One way of storing linears, over the tensors of one checkpoint. */
export interface Codec {
  /** Name of the codec in messages. */
  readonly name: string;
  /** Whether it stores quantised weights. */
  readonly packs: boolean;
  /** Whether the checkpoint stores this module with this codec. Looks at names only and checks nothing else. */
  holds(module: StoredModule): boolean;
  /** Whether the module lies in a tensor that the experts of a layer share. Left out: never. */
  isBank?(module: StoredModule): boolean;
  /** Finds the module's matrix. @throws FormatError, ShapeError or UnsupportedError naming the tensor that is missing or wrong. */
  locate(module: StoredModule): StoredMatrix;
}
