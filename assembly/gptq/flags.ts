// Options of a grid in one word (twin: src/quant/grid.ts): bits 0-3 are the width, bit 4 is symmetric, bits 5-6 are the clip search (0
// none, 1 mse, 2 hessian), bit 7 keeps scales in f32 (not f16), bit 8 marks dynamic groups.

@inline export function bitsOf(flags: i32): i32 { return flags & 15; }
@inline export function isSymmetric(flags: i32): bool { return (flags & 16) != 0; }
@inline export function clipOf(flags: i32): i32 { return (flags >> 5) & 3; }
@inline export function isF32(flags: i32): bool { return (flags & 128) != 0; }
@inline export function isDynamic(flags: i32): bool { return (flags & 256) != 0; }

/** The highest code. */
@inline export function topOf(flags: i32): i32 { return (1 << bitsOf(flags)) - 1; }
