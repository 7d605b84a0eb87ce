// What the harness found beside what Quern finds itself.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Both sum the same numbers. Newer Pythons round a sum only once, which changes its last bits. */
const ROUNDING = 1e-13;
/** How far two right programs may be apart that compute in other orders, in nats: as in the tests of scores. */
const OTHER_PROGRAM = 2e-3;

const printed = (value) => (typeof value === "number" ? value.toFixed(4) : value);

/** @returns a sentence with what was compared. @throws where log-likelihoods, greedy tokens, items' outcomes or scores differ. */
export function compareRuns(harness, own) {
  let [items, answers, largest] = [0, 0, 0];
  for (const [task, samples] of Object.entries(own.samples)) {
    const theirs = new Map(harness.samples[task].map((sample) => [sample.doc_id, sample]));
    assert.equal(theirs.size, samples.length, `${task}: number of items`);
    for (const sample of samples) {
      const other = theirs.get(sample.doc_id);
      const where = `${task}, item ${sample.doc_id}`;
      assert.equal(other.resps.length, sample.resps.length, `${where}: number of answers`);
      sample.resps.forEach(([logProb, isGreedy], index) => {
        const [found, foundGreedy] = other.resps[index];
        const difference = Math.abs(found - logProb);
        assert(difference <= ROUNDING * Math.abs(logProb), `${where}: ${found} over HTTP, ${logProb} by evaluate`);
        assert.equal(foundGreedy, isGreedy, `${where}: greedy`);
        largest = Math.max(largest, difference);
        answers++;
      });
      for (const metric of ["acc", "acc_norm"].filter((name) => name in sample && name in other))
        assert.equal(other[metric], sample[metric], `${where}: ${metric}`);
      items++;
    }
    compareScores(task, harness.results[task], own.results[task]);
  }
  return `${items} items, ${answers} log-likelihoods, largest difference ${largest}; equal accuracies`;
}

/** Scores must be equal, errors of accuracies equal as printed. The harness draws those of perplexities, and prints none for a single item. */
function compareScores(task, theirs, own) {
  for (const [name, value] of Object.entries(own)) {
    if (name === "alias") continue;
    assert(name in theirs, `${task}: the harness has no ${name}`);
    const isError = name.includes("_stderr");
    if (isError && (theirs[name] === "N/A" || name.startsWith("perplexity"))) continue;
    if (name.startsWith("acc,") || name.startsWith("acc_norm,")) assert.equal(theirs[name], value, `${task}: ${name}`);
    assert.equal(printed(theirs[name]), printed(value), `${task}: ${name}`);
  }
}

/**
 * Log-likelihoods by PyTorch, by task.
 * @param folder has `TASK.jsonl`; with a `model.json` it holds for the weights that this names only.
 * @returns undefined where there are none for this model.
 */
export function referenceOf(folder, model) {
  if (!existsSync(folder) || !isOf(folder, model)) return undefined;
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  const read = (name) => readFileSync(join(folder, name), "utf8").trim().split("\n").map(JSON.parse);
  return new Map(files.map((name) => [name.slice(0, -".jsonl".length), read(name)]));
}

function isOf(folder, model) {
  const path = join(folder, "model.json");
  if (!existsSync(path)) return true;
  const weights = createHash("sha256")
    .update(readFileSync(join(model, "model.safetensors")))
    .digest("hex");
  return readFileSync(path, "utf8").includes(weights);
}

/** The harness over HTTP beside a reference. @returns a sentence with what was compared. */
export function compareReference(harness, reference) {
  const found = [];
  for (const [task, samples] of Object.entries(harness.samples)) {
    const lines = reference.get(task) ?? [];
    const known = samples.filter(({ doc_id: id }) => id < lines.length);
    if (known.length === 0) continue;
    const differences = known.flatMap(({ doc_id: id, resps, acc }) => {
      const { ll, greedy, acc: outcome } = lines[id];
      const where = `${task}, item ${id}`;
      assert.deepEqual([resps.map(([, isGreedy]) => isGreedy), acc], [greedy, outcome], where);
      return ll.map((value, index) => Math.abs(resps[index][0] - value));
    });
    const largest = Math.max(...differences);
    assert(largest < OTHER_PROGRAM, `${task}: log-likelihoods differ by ${largest}`);
    found.push(`${task} ${known.length} items, largest difference ${largest.toExponential(1)}`);
  }
  return found.join(", ");
}
