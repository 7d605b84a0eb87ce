// node bench/quantmoe/study/find.mjs MODEL...: the study's claims with intervals and corrected p values, from the results of MODEL-score, as a table and as
// MODEL-findings.json.
import { parseArgs } from "node:util";
import { readDocument, readResults, writeDocument } from "./files.mjs";
import { findingsOf } from "./findings.mjs";
import { STUDIES } from "./studies.mjs";

for (const name of parseArgs({ allowPositionals: true }).positionals) {
  const { chosen } = readDocument(`${name}-chosen.json`);
  const { random } = readDocument(`${name}-rules.json`);
  const texts = STUDIES[name].scoring.filter((metric) => !metric.forPrediction).map((metric) => metric.name);
  const claims = await findingsOf({ chosen, random, cells: readResults(`${name}-score`), texts });
  writeDocument(`${name}-findings.json`, { texts, claims });
  console.log("claim | bits | menu | ours | theirs | less by | interval of the difference | p | Holm");
  for (const { claim, budget, menu, ours, theirs, gain, interval, p, holm } of claims) {
    const ends = interval.map((end) => end.toFixed(5)).join(" to ");
    const shown = [
      ours.toFixed(4),
      theirs.toFixed(4),
      `${Math.round(100 * gain)} %`,
      ends,
      p.toExponential(1),
      holm.toExponential(1),
    ];
    console.log([claim, budget, menu, ...shown].join(" | "));
  }
}
