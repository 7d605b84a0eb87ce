/** Extents and ticks of axes, also logarithmic ones, and the place of a value in pixels. */

export type Extent = readonly [lo: number, hi: number];

/** The extent of the values with a margin around it, also if all values are equal. */
export function padded(values: readonly number[], share: number, log: boolean): Extent {
  const [lo, hi] = [Math.min(...values), Math.max(...values)];
  if (log) {
    const air = Math.max((hi / lo) ** share, 1.05);
    return [lo / air, hi * air];
  }
  const air = (hi - lo) * share || Math.abs(hi) * share || 1;
  return [lo - air, hi + air];
}

/** Where in its extent a value is, from 0 to 1. */
export function position(value: number, [lo, hi]: Extent, log: boolean): number {
  return log ? Math.log(value / lo) / Math.log(hi / lo) : (value - lo) / (hi - lo);
}

/** Powers of ten, with 2 and 5 between them if there is room. */
export function valueTicks(
  [lo, hi]: Extent,
  log: boolean,
): { ticks: number[] | number; tickFormat: (value: number) => string } {
  if (!log) return { ticks: 6, tickFormat: (value) => String(+value.toPrecision(6)) };
  const steps = hi / lo > 300 ? [1] : hi / lo > 4 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const ticks: number[] = [];
  for (let power = -12; power <= 6; power++) {
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  }
  return { ticks: ticks.filter((tick) => lo <= tick && tick <= hi), tickFormat: String };
}

/** Places at least `gap` apart, as near to the wanted ones as that allows; in the order given. */
export function spread(wanted: readonly number[], gap: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  // Groups of places that touch, each moved to the mean of what its members want.
  const groups: { members: number[]; centre: number }[] = [];
  for (const i of order) {
    let group = { members: [i], centre: wanted[i] };
    for (;;) {
      const last = groups.at(-1);
      const reach = last && ((last.members.length + group.members.length) / 2) * gap;
      if (last === undefined || group.centre - last.centre >= (reach ?? 0)) break;
      groups.pop();
      const members = [...last.members, ...group.members];
      group = { members, centre: members.reduce((sum, member) => sum + wanted[member], 0) / members.length };
    }
    groups.push(group);
  }
  const places = new Array<number>(wanted.length);
  for (const { members, centre } of groups)
    for (const [rank, i] of members.entries()) places[i] = centre + (rank - (members.length - 1) / 2) * gap;
  return places;
}
