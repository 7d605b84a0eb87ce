// What a pair prints: a line for each engine and for each test.
import { median, showRatio, speedRatio } from "../measure/ratios.mjs";
import { parseTest } from "../measure/tests.mjs";

const MIB = 2 ** 20;

function engineLines({ name, opening, facts, peak, agreement }) {
  const { open, first } = opening;
  const line = `${name}: open ${open.toFixed(0)} ms, with the first token ${first.toFixed(0)} ms, peak ${(peak / MIB).toFixed(0)} MiB`;
  const lines = [line, `  ${JSON.stringify(facts)}`];
  if (agreement === undefined) return lines;
  const { correlation, difference, sameTop } = agreement;
  const top = sameTop ? "the same" : "ANOTHER";
  return [
    ...lines,
    `  logits: correlation ${correlation.toFixed(6)}, mean difference ${difference.toFixed(4)}, ${top} top token`,
  ];
}

/** Tokens per second of each engine and test, with ratios to the first engine. */
export function pairLines({ file, engines, times }) {
  const lines = [file, ...engines.flatMap(engineLines)];
  lines.push(`ratios: how many times as fast as ${engines[0].name}; median (min..max) of paired repetitions`);
  for (const [test, byEngine] of Object.entries(times)) {
    for (const [at, { name }] of engines.entries()) {
      const speed = `${((1000 * parseTest(test).tokens) / median(byEngine[name])).toFixed(1)} tokens/s`;
      const ratio = at === 0 ? "" : showRatio(speedRatio(byEngine[name], byEngine[engines[0].name]));
      lines.push(`${test.padEnd(10)} ${speed.padStart(18)}  ${ratio.padEnd(20)} ${name}`);
    }
  }
  return lines;
}
