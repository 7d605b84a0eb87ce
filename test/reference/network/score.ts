/** f64 twins of assembly/network/score.ts: one row. */
export function log_sum_exp(row: ArrayLike<number>): { most: number; sum: number } {
  let most = -Infinity;
  for (let i = 0; i < row.length; i++) most = Math.max(most, row[i]);
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += Math.exp(row[i] - most);
  return { most, sum };
}

export function divergence(p: ArrayLike<number>, q: ArrayLike<number>): number {
  const a = log_sum_exp(p);
  const b = log_sum_exp(q);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const logP = p[i] - a.most - Math.log(a.sum);
    sum += Math.exp(logP) * (logP - (q[i] - b.most - Math.log(b.sum)));
  }
  return sum;
}
