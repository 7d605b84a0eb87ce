// The table of a matmul call: several matrices with the same shape and input (docs/kernels.md, "Linear tables").

/** Bytes of an entry: weight address, span address, output address, 0. */
export const ENTRY_BYTES: usize = 16;

@inline export function weightsOf(entry: usize): usize { return load<u32>(entry); }
@inline export function startOf(entry: usize): i32 { return load<i32>(load<u32>(entry, 4)); }
@inline export function countOf(entry: usize): i32 { return load<i32>(load<u32>(entry, 4), 4); }
@inline export function outputOf(entry: usize): usize { return load<u32>(entry, 8); }

/** Input row at position `at`. */
@inline export function rowAt(index: usize, at: i32): usize {
  return <usize>(index ? load<i32>(index + (<usize>at << 2)) : at);
}

/** Zeroes 16 columns of `count` rows. */
export function clearRows(y: usize, count: i32, rowBytes: usize): void {
  for (; count > 0; count--) {
    memory.fill(y, 0, 64);
    y += rowBytes;
  }
}
