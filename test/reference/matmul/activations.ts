/** Activation rounding as docs/kernels.md states it, one value at a time. */

export type Mode = 0 | 1; // int8, int16

export interface RoundedRow {
  readonly codes: Int32Array;
  /** Per group. */
  readonly scales: Float32Array;
  readonly sums: Int32Array;
}

/** Ties to even, for magnitudes far below 2^52. */
export function nearest(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** One row in groups of `actGroup` columns; every operation is rounded to f32 as the kernels do. */
export function roundRow(x: Float32Array, actGroup: number, mode: Mode): RoundedRow {
  const top = mode === 0 ? 127 : 32639;
  const groups = Math.ceil(x.length / actGroup);
  const codes = new Int32Array(x.length);
  const scales = new Float32Array(groups);
  const sums = new Int32Array(groups);
  for (let g = 0; g < groups; g++) {
    const end = Math.min(x.length, (g + 1) * actGroup);
    let amax = 0;
    for (let col = g * actGroup; col < end; col++) amax = Math.max(amax, Math.abs(x[col]));
    if (amax < 2 ** -100) continue;
    const inverse = Math.fround(top / amax);
    scales[g] = Math.fround(amax / top);
    for (let col = g * actGroup; col < end; col++) {
      codes[col] = nearest(Math.fround(x[col] * inverse));
      sums[g] += codes[col];
    }
  }
  return { codes, scales, sums };
}

/** One row rounded to codes from -levels to levels and scaled back; `scales`, one a group, or each group's own. */
export function roundBack(x: Float32Array, actGroup: number, levels: number, scales?: Float32Array): Float32Array {
  return x.map((value, col) => {
    const group = Math.floor(col / actGroup);
    const members = x.subarray(group * actGroup, (group + 1) * actGroup);
    const amax = members.reduce((most, member) => Math.max(most, Math.abs(member)), 0);
    const scale = scales === undefined ? Math.fround(amax / levels) : scales[group];
    if ((scales === undefined ? amax : scale) < 2 ** -100) return 0;
    const inverse = Math.fround(scales === undefined ? levels / amax : 1 / scale);
    const code = nearest(Math.fround(value * inverse));
    return Math.max(-levels, Math.min(levels, code)) * scale;
  });
}
