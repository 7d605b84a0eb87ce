// What a comparison within a limit of memory prints: a line for each run, and a table for each part of the tokens.
import { PROMPT } from "../measure/agent.mjs";
import { median, showRatio, speedRatio } from "../measure/ratios.mjs";

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

/** One run: its speed by parts, what it read and the processor time of a token, its memory. */
export function runLine(name, { error, opening, decoded, facts, peak, group }, tokens) {
  const most = group?.peak === undefined ? "" : `, group's peak ${megabytes(group.peak)}`;
  if (error !== undefined) return `${name}: ${error}${most}, processes ended for want of memory: ${group?.killed ?? 0}`;
  const show = ({ ms, read, user, system }) =>
    `${((1000 * tokens) / ms).toFixed(2)} tokens/s (read ${megabytes(read / tokens)}, ` +
    `processor ${((1000 * user) / tokens).toFixed(0)} + ${((1000 * system) / tokens).toFixed(0)} ms a token)`;
  const { paging } = facts;
  const missing =
    paging === undefined ? "" : `, ${((100 * paging.misses) / paging.uses).toFixed(0)} % of experts missing`;
  const begin = `first token after ${(opening.first / 1000).toFixed(1)} s`;
  return `${name}: ${decoded.map(show).join(", then ")}; ${begin}, process's peak ${megabytes(peak)}${most}${missing}`;
}

/**
 * @param engines  { name, base, runs }: `base` is the place in the list of the engine that ratios are to
 * @returns median tokens per second and ratio of each engine, with smallest and largest; a run that was ended has no speed
 */
export function withinLines(engines, { parts, tokens }) {
  const lines = ["ratios: how many times as fast as the first engine of as many threads, in runs of the same turn"];
  for (let part = 0; part < parts; part++) {
    const from = PROMPT + part * tokens;
    lines.push(`tokens ${from + 1} to ${from + tokens}`);
    const times = engines.map(({ runs }) => runs.map(({ decoded }) => decoded?.[part].ms));
    for (const [at, { name, base }] of engines.entries())
      lines.push(engineLine(name, times[at], at === base ? undefined : times[base], tokens));
  }
  return lines;
}

function engineLine(name, times, others, tokens) {
  if (times.includes(undefined)) return `${"ended".padEnd(46)} ${name}`;
  const speeds = times.map((ms) => (1000 * tokens) / ms);
  const speed = `${median(speeds).toFixed(2)} (${Math.min(...speeds).toFixed(2)}..${Math.max(...speeds).toFixed(2)})`;
  const ratio = others === undefined || others.includes(undefined) ? "" : showRatio(speedRatio(times, others));
  return `${speed.padEnd(24)} ${ratio.padEnd(21)} ${name}`;
}
