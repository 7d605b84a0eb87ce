/**
 * The child of scripts/fuzz.mjs: reads one input after the other and tells of each, before and after, so that the parent knows which
 * one hung, crashed or took too much. Arguments: area, seed, number of the first input, how many, folder for what is to be kept
 * ("" to run, else the first input is written there and nothing is read).
 */
import { inputOf, outcomeOf, saveInput } from "./area.ts";
import { AREAS } from "./areas.ts";

const [name, seed, from, count, folder] = process.argv.slice(2);
const send = (message: object) => process.send?.(message);
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});

/** Processor time, which other work on the machine does not lengthen. */
const milliseconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
/** The most memory so far; what an input raised it by above what was in use before is that input's own. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024;

const area = await AREAS[name]();
const first = Number(from);
if (folder !== "") saveInput(inputOf(area, name, Number(seed), first), folder);
else {
  for (let index = first; index < first + Number(count); index++) {
    if (index % 200 === 0) collect();
    const input = inputOf(area, name, Number(seed), index);
    const before = { bytes: process.memoryUsage.rss(), peak: peakBytes(), time: milliseconds() };
    send({ index });
    let outcome: string;
    let problem = "";
    try {
      outcome = await outcomeOf(area, input);
    } catch (error) {
      outcome = "fault";
      problem = error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
    const peak = peakBytes();
    const bytes = peak > before.peak ? peak - before.bytes : 0;
    send({ index, outcome, problem, time: milliseconds() - before.time, bytes });
  }
}
// The last message is on its way: leaving at once would lose it.
await new Promise((resolve) =>
  process.send === undefined ? resolve(undefined) : process.send({ done: true }, resolve),
);
process.exit(0);
