// Marker types that specialise the kernels at compile time; they are never instantiated.
// AssemblyScript generics take types only, so the byte size of a marker class is the number it stands for.

// Packed weights: the size is the width of a code in bits.
@unmanaged export class W2 { private a: u16; }
@unmanaged export class W3 { private a: u8; private b: u8; private c: u8; }
@unmanaged export class W4 { private a: u32; }
@unmanaged export class W8 { private a: u64; }

// Float weights: the size is the number of mantissa bits.
@unmanaged export class BF16 { private a: u32; private b: u16; private c: u8; }
@unmanaged export class F16 { private a: u64; private b: u16; }
@unmanaged export class F32 { private a: u64; private b: u64; private c: u32; private d: u16; private e: u8; }

/** Bits per code of packed weights. */
@inline export function bitsOf<W>(): i32 { return <i32>offsetof<W>(); }

/** Bytes per float weight. */
@inline export function bytesOf<S>(): i32 { return offsetof<S>() == 23 ? 4 : 2; }

/** Whether 16-bit weights are bfloat16. */
@inline export function isBf16<S>(): bool { return offsetof<S>() == 7; }

// How integers are multiplied: the size is the number of bits of a value, plus 1 for products that are added up in fours.
@unmanaged export class Words { private a: u64; private b: u64; }
@unmanaged export class Pairs { private a: u64; }
@unmanaged export class Fours { private a: u64; private b: u8; }

/** Whether activations are 16-bit words, with two products in a 32-bit sum. */
@inline export function isWords<D>(): bool { return offsetof<D>() == 16; }

/** Whether activations are bytes with two products in a 16-bit sum: fast where the CPU has no instruction for four. */
@inline export function isPairs<D>(): bool { return offsetof<D>() == 8; }

/** Whether activations are bytes with four products in a 32-bit sum. */
@inline export function isFours<D>(): bool { return offsetof<D>() == 9; }

/** Bytes of an activation. */
@inline export function valueBytes<D>(): i32 { return isWords<D>() ? 2 : 1; }
