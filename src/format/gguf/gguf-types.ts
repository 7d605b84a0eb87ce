/** Lists the types that GGUF files use: of metadata values, and of tensors with the elements and bytes of their blocks. */

/** Types of metadata values, by their number in the file. */
export const VALUE_TYPES = [
  "U8",
  "I8",
  "U16",
  "I16",
  "U32",
  "I32",
  "F32",
  "BOOL",
  "TEXT",
  "ARRAY",
  "U64",
  "I64",
  "F64",
] as const;

export type ValueType = (typeof VALUE_TYPES)[number];

/** Bytes of a value; texts and arrays begin with a length instead. */
export const VALUE_BYTES: Readonly<Record<Exclude<ValueType, "TEXT" | "ARRAY">, number>> = {
  ...{ U8: 1, I8: 1, U16: 2, I16: 2, U32: 4, I32: 4, F32: 4, BOOL: 1, U64: 8, I64: 8, F64: 8 },
};

/** A type of tensors that can be read: consecutive elements of a row form a block. */
export interface BlockType {
  readonly name: GgufType;
  readonly id: number;
  /** Elements of a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
}

const READABLE = [
  ["F32", 0, 1, 4],
  ["F16", 1, 1, 2],
  ["Q4_0", 2, 32, 18],
  ["Q4_1", 3, 32, 20],
  ["Q5_0", 6, 32, 22],
  ["Q5_1", 7, 32, 24],
  ["Q8_0", 8, 32, 34],
  ["Q2_K", 10, 256, 84],
  ["Q3_K", 11, 256, 110],
  ["Q4_K", 12, 256, 144],
  ["Q5_K", 13, 256, 176],
  ["Q6_K", 14, 256, 210],
  ["BF16", 30, 1, 2],
  ["MXFP4", 39, 32, 17],
] as const;

export type GgufType = (typeof READABLE)[number][0];

/** The types that can be read, by their number in the file. */
export const BLOCK_TYPES: ReadonlyMap<number, BlockType> = new Map(
  READABLE.map(([name, id, elements, bytes]) => [id, { name, id, elements, bytes }]),
);

/** Names of the types that are known and not read, for messages. */
export const OTHER_TYPES: ReadonlyMap<number, string> = new Map([
  ...([
    [9, "Q8_1"],
    [15, "Q8_K"],
    [16, "IQ2_XXS"],
    [17, "IQ2_XS"],
    [18, "IQ3_XXS"],
    [19, "IQ1_S"],
  ] as const),
  ...([
    [20, "IQ4_NL"],
    [21, "IQ3_S"],
    [22, "IQ2_S"],
    [23, "IQ4_XS"],
    [24, "I8"],
    [25, "I16"],
    [26, "I32"],
  ] as const),
  ...([
    [27, "I64"],
    [28, "F64"],
    [29, "IQ1_M"],
    [34, "TQ1_0"],
    [35, "TQ2_0"],
  ] as const),
]);
