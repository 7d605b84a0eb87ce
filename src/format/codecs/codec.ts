/**
 * Ways in which checkpoints store linears. A codec is asked for a module by name and shape, and answers with the stored matrix: what it
 * takes here and on disk, and how it gets into panels. Who loads, counts or writes linears speaks to these types only.
 */

import type { Bench } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { TensorEntry } from "../tensor-index.ts";

/** A linear [rows, cols] by the name of its module, such as `model.layers.0.self_attn.q_proj`. */
export interface StoredModule {
  readonly name: string;
  readonly rows: number;
  readonly cols: number;
  /** Where it lies if the experts of its layer share one tensor. */
  readonly bank?: BankPlace;
}

/** Some rows of one expert in a tensor [experts, blockRows, cols]. */
export interface BankPlace {
  readonly tensor: string;
  readonly expert: number;
  readonly blockRows: number;
  /** Within the expert's block. */
  readonly firstRow: number;
}

/** A vector of floats on disk: a bias, a norm's weight. */
export interface StoredVector {
  readonly tensor: TensorEntry;
  /** f32, exact. @throws NumericsError for a value that is not finite. */
  read(): Promise<Float32Array>;
}

interface Stored {
  /** Of its panels in memory. */
  readonly memoryBytes: number;
  /** Of its weights on disk, in a shared tensor those of its own rows. */
  readonly diskBytes: number;
  /** All tensors that hold its weights. */
  readonly tensors: readonly TensorEntry[];
  /** f32 [rows] once read; undefined for a linear without one. */
  readonly bias: StoredVector | undefined;
  /** Bytes of staging room that `lay` needs. */
  readonly stagingBytes: number;
  /**
   * Lays the whole matrix in panels at an address, a range of rows at a time.
   * @throws NumericsError for weights that are not finite; FormatError or UnsupportedError for what they cannot be.
   */
  lay(bench: LoadBench, address: number): Promise<LaidMatrix>;
}

/** A bench that hears what was odd in a file and how it was read, a sentence each. */
export interface LoadBench extends Bench {
  readonly warn: (sentence: string) => void;
}

/** What must be known of panels beside their address. */
export interface LaidMatrix {
  /** [cols]: stored column j is the linear's input column perm[j]; undefined where columns lie in their own order. */
  readonly perm: Int32Array | undefined;
}

/** Weights as floats. */
export interface StoredFloat extends Stored {
  readonly kind: "float";
  readonly dtype: FloatDType;
  /** The rows of the linear as a tensor [rows, cols] of their own. */
  readonly tensor: TensorEntry;
  /** Rows [first, first + count) as f32 [count, cols], exact. */
  readRows(first: number, count: number): Promise<Float32Array>;
}

/** Weights as codes with a grid for each group of columns. */
export interface StoredCodes extends Stored {
  readonly kind: "packed";
  readonly bits: Bits;
  /** Columns that share a scale; `cols` for the whole row. */
  readonly groupSize: number;
  /** The whole matrix. */
  read(): Promise<QuantizedMatrix>;
}

export type StoredMatrix = StoredFloat | StoredCodes;

/** One way of storing linears, over the tensors of one checkpoint. */
export interface Codec {
  /** As messages call it. */
  readonly name: string;
  /** Whether what it stores is quantised. */
  readonly packs: boolean;
  /** Whether the checkpoint holds this module in this codec; nothing is checked. */
  holds(module: StoredModule): boolean;
  /** The module's matrix. @throws FormatError, ShapeError or UnsupportedError naming the tensor that is missing or odd. */
  locate(module: StoredModule): StoredMatrix;
}
