// node bench/quantmoe/study/rule-table.mjs [MODEL...]: what the rules of the study gain over random plans of as many bytes, and over each other, from the results
// of MODEL-findings, as tables in Markdown. Draws of calibration tokens are random throughout, beside them the random plans of a control, or the
// windows of text where two rules are compared. Draws that lack a cell are left out. Holm's procedure goes over all rows of all models that are given.
import { parseArgs } from "node:util";
import { significance } from "../../../dist/evaluate.js";
import { readResults } from "./files.mjs";
import { againstRandom, average, compared, tableOf } from "./findings.mjs";

const TEXTS = ["stories", "novels"];
/** Rules of the same size, and the rule that each is compared with; where a model lacks one of them, the pair is left out. */
const PAIRS = [
  ["first blocks", "last blocks"],
  ["blocks by cosine", "first blocks"],
  ["blocks by cosine", "last blocks"],
  ["blocks by cosine", "blocks by module cosine"],
  ["frequent by gate", "frequent experts"],
  ["all down", "all gate"],
  ["all down", "all up"],
  ["outlier third", "all down"],
];

const { positionals } = parseArgs({ allowPositionals: true });
const models = positionals.length === 0 ? ["fable-mixtral", "fable-deepseek"] : positionals;
const rows = [];
for (const model of models) rows.push(...(await rowsOf(model)));
const corrected = significance.holm(rows.map(({ p }) => p));
for (const model of models) {
  const own = rows.map((row, i) => ({ ...row, holm: corrected[i] })).filter((row) => row.model === model);
  print(
    `${model}, against random plans`,
    own.filter((row) => row.isControl),
  );
  print(
    `${model}, rules beside each other`,
    own.filter((row) => !row.isControl),
  );
}

async function rowsOf(model) {
  const cells = wholeDraws(readResults(`${model}-findings`).filter(({ calibration }) => calibration !== null));
  const controls = new Map(cells.filter(({ control }) => control !== null).map(({ plan, control }) => [plan, control]));
  const row = async (plan, against, isControl) => {
    const found = isControl
      ? againstRandom(cells, plan, against, TEXTS)
      : await compared(tableOf(cells, plan, TEXTS), tableOf(cells, against, TEXTS));
    return {
      model,
      plan,
      against,
      isControl,
      ...found,
      ours: sizeAndKl(cells, plan),
      theirs: sizeAndKl(cells, against),
    };
  };
  const pairs = PAIRS.filter((pair) => pair.every((plan) => controls.has(plan)));
  return [
    ...(await Promise.all([...controls].map(([plan, control]) => row(plan, control, true)))),
    ...(await Promise.all(pairs.map(([plan, against]) => row(plan, against, false)))),
  ];
}

/** The cells of the draws on which every plan was measured: of a sweep that is under way, the last draws lack some. */
function wholeDraws(cells) {
  const counts = new Map();
  for (const { calibration } of cells) counts.set(calibration, (counts.get(calibration) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return cells.filter(({ calibration }) => counts.get(calibration) === most);
}

/** Bits, bytes and the KL of each text, means over draws and seeds. */
function sizeAndKl(cells, plan) {
  const own = cells.filter((cell) => cell.plan === plan);
  const mean = (of) => average(own.map(of));
  return {
    draws: new Set(own.map(({ calibration }) => calibration)).size,
    seeds: new Set(own.map(({ seed }) => seed)).size,
    bits: mean(({ averageBits }) => averageBits),
    megabytes: mean(({ trueBytes }) => trueBytes) / 1e6,
    kl: TEXTS.map((text) => mean(({ metrics }) => metrics[text].mean)),
    both: mean(({ metrics }) => average(TEXTS.flatMap((text) => metrics[text].windows))),
  };
}

function print(title, own) {
  const [{ ours, theirs }] = own;
  console.log(`\n${title} (${ours.draws} draws${theirs.seeds > 1 ? `, ${theirs.seeds} random plans` : ""})\n`);
  console.log(
    `| plan | bits | MB | KL (${TEXTS.join(" / ")}) | beside | its MB | its KL | difference, both texts | p (Holm) |`,
  );
  console.log("|---|---:|---:|---:|---|---:|---:|---:|---:|");
  for (const row of own) console.log(`| ${lineOf(row).join(" | ")} |`);
}

function lineOf({ plan, against, ours, theirs, interval, difference, holm }) {
  const percent = (share) => `${share < 0 ? "-" : "+"}${Math.abs(100 * share).toFixed(0)}`;
  const ends = interval.map((end) => percent(end / theirs.both));
  const kl = ({ kl }) => kl.map((value) => value.toFixed(4)).join(" / ");
  const gain = `${percent(difference / theirs.both)} % (${ends.join(" to ")})`;
  const figures = [ours.bits.toFixed(3), ours.megabytes.toFixed(3), kl(ours)];
  return [plan, ...figures, against, theirs.megabytes.toFixed(3), kl(theirs), gain, probability(holm)];
}

function probability(p) {
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}
