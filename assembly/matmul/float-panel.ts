// Packs row-major float weights into panels.

/** panels[p] of element type T from row-major rows [N,K]. Rows from n on are zero. */
function arrange<T>(first: i32, last: i32, out: usize, input: usize, n: i32, k: i32): void {
  const rowBytes = <usize>k * sizeof<T>();
  let to = out + <usize>first * 16 * rowBytes;
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = <usize>min(16, n - row);
    const from = input + <usize>row * rowBytes;
    for (let col: usize = 0; col < rowBytes; col += sizeof<T>()) {
      for (let r: usize = 0; r < 16; r++) {
        store<T>(to, r < rows ? load<T>(from + r * rowBytes + col) : 0);
        to += sizeof<T>();
      }
    }
  }
}

/** Panels of 2-byte elements from row-major [N,K]; a unit is a panel. */
export function panel_16(first: i32, last: i32, scratch: usize, out: usize, input: usize, n: i32, k: i32): void {
  arrange<u16>(first, last, out, input, n, k);
}

/** Panels of 4-byte elements from row-major [N,K]; a unit is a panel. */
export function panel_32(first: i32, last: i32, scratch: usize, out: usize, input: usize, n: i32, k: i32): void {
  arrange<u32>(first, last, out, input, n, k);
}
