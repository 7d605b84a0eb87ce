// The harness's own tasks on the data sets' original files: each task is the harness's YAML with rows of a local file in place of a download.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";

const lettersOf = ({ stem, choices }) => ({
  ...{ question: stem, question_stem: stem },
  choices: { text: choices.map(({ text }) => text), label: choices.map(({ label }) => label) },
});
const questions = (rows) => rows.map(({ id, question, answerKey }) => ({ id, answerKey, ...lettersOf(question) }));

/** Tasks by name: the harness's file, its split that is scored, and that split's rows in the form that the harness's prompts read. */
const TASKS = {
  copa: ["super_glue/copa/default.yaml", "validation", (data) => data.lines("copa/val.jsonl")],
  winogrande: ["winogrande/default.yaml", "validation", (data) => data.lines("winogrande/dev.jsonl")],
  openbookqa: ["openbookqa/openbookqa.yaml", "test", (data) => questions(data.lines("openbookqa/test.jsonl"))],
  hellaswag: [
    "hellaswag/hellaswag.yaml",
    "validation",
    (data) => data.lines("hellaswag/hellaswag_val.jsonl").map(withBothContexts),
  ],
  piqa: ["piqa/piqa.yaml", "validation", piqaRows],
  arc_easy: ["arc/arc_easy.yaml", "test", (data) => questions(data.lines("arc/ARC-Easy/ARC-Easy-Test.jsonl"))],
  arc_challenge: [
    "arc/arc_challenge.yaml",
    "test",
    (data) => questions(data.lines("arc/ARC-Challenge/ARC-Challenge-Test.jsonl")),
  ],
  lambada_openai: ["lambada/lambada_openai.yaml", "test", (data) => data.lines("lambada/lambada_test.jsonl")],
};

function piqaRows(data) {
  const labels = data.text("piqa/valid-labels.lst")?.trim().split("\n") ?? [];
  return data.lines("piqa/valid.jsonl").map((row, index) => ({ ...row, label: Number(labels[index]) }));
}

/** HellaSwag's text extractions have the context in one piece, the release that the harness reads in two: the second is what begins in lower case. */
function withBothContexts(row) {
  if (row.ctx_a !== undefined) return row;
  const { ctx } = row;
  const last = [...ctx.matchAll(/[.!?]["')\]]*\s+(?=\S)/g)].at(-1);
  const start = last === undefined ? ctx.length : last.index + last[0].length;
  const isSplit = !/[.!?]["')\]]*$/.test(ctx) && /^\p{Lowercase}/u.test(ctx.slice(start));
  const [ctx_a, ctx_b] = isSplit ? [ctx.slice(0, start).trimEnd(), ctx.slice(start)] : [ctx, ""];
  return { ...row, ctx_a, ctx_b };
}

const mmluRows = (rows) =>
  rows.map(([question, a, b, c, d, answer]) => ({ question, choices: [a, b, c, d], answer: "ABCD".indexOf(answer) }));

/** The rows of a CSV file, whose fields may be quoted and hold line breaks. */
function csvRows(text) {
  const rows = [[]];
  for (const [, quoted, plain, end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/g)) {
    if (plain === "" && end === "" && rows.at(-1).length === 0) break;
    rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
    if (end !== ",") rows.push([]);
  }
  return rows.filter(({ length }) => length > 0);
}

class DataFolder {
  constructor(folder) {
    this.folder = folder;
  }
  text(path) {
    const full = join(this.folder, path);
    if (existsSync(full)) return readFileSync(full, "utf8");
    return existsSync(`${full}.gz`) ? gunzipSync(readFileSync(`${full}.gz`)).toString() : undefined;
  }
  lines(path) {
    const lines = this.text(path)?.split("\n") ?? [];
    return lines.filter((line) => line.trim() !== "").map((line) => JSON.parse(line));
  }
  subjects() {
    const folder = join(this.folder, "mmlu/test");
    const files = existsSync(folder) ? readdirSync(folder) : [];
    return files.map((name) => name.match(/^(.*)_test\.csv(?:\.gz)?$/)?.[1]).filter((name) => name !== undefined);
  }
}

/**
 * Writes tasks and rows to `folder`, for the harness's `--include_path`.
 * @param tasks the folder of the harness's own tasks.
 * @returns the names of those tasks that `data` has rows for.
 */
export function writeTasks(folder, { data, tasks }) {
  mkdirSync(folder, { recursive: true });
  const files = new DataFolder(data);
  const names = Object.keys(TASKS).filter((name) => {
    const [from, split, read] = TASKS[name];
    const rows = read(files);
    if (rows.length > 0) writeTask(folder, name, { from: join(tasks, from), scored: split, splits: { [split]: rows } });
    return rows.length > 0;
  });
  const subjects = files.subjects().map((subject) => {
    const rowsOf = (part) => mmluRows(csvRows(files.text(`mmlu/${part}/${subject}_${part}.csv`) ?? ""));
    const from = join(tasks, `mmlu/default/mmlu_${subject}.yaml`);
    const splits = { test: rowsOf("test"), dev: rowsOf("dev") };
    writeTask(folder, `mmlu_${subject}`, { from, scored: "test", splits, own: { num_fewshot: 5 } });
    return `mmlu_${subject}`;
  });
  return [...names, ...subjects];
}

/** @param own further fields of the task. */
function writeTask(folder, task, { from, scored, splits, own = {} }) {
  const files = Object.entries(splits).map(([split, rows]) => {
    const path = join(folder, `${task}-${split}.jsonl`);
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    return [split, path];
  });
  // The splits that the harness's file names besides are not there.
  const absent = { training_split: null, validation_split: null, test_split: null };
  const config = {
    include: from,
    task,
    dataset_path: "json",
    dataset_name: null,
    ...absent,
    [`${scored}_split`]: scored,
    ...own,
  };
  // JSON is YAML too.
  writeFileSync(
    join(folder, `${task}.yaml`),
    JSON.stringify({ ...config, dataset_kwargs: { data_files: Object.fromEntries(files) } }),
  );
}

/**
 * Writes tasks of the harness's other two kinds of requests, on COPA's sentences: a text that goes on up to a stop, and perplexity of a long text.
 * @returns the two names, the prompts with what ends their texts, and a file with the long text.
 */
export function writeTextTasks(folder, data) {
  const rows = new DataFolder(data).lines("copa/val.jsonl");
  const prompts = rows.slice(0, 3).map(({ premise }) => premise);
  const long = rows.flatMap(({ premise, choice1, choice2 }) => [premise, choice1, choice2]).join(" ");
  const [file, stops, most] = [join(folder, "long.txt"), ["\n\n", "."], 24];
  writeFileSync(file, long);
  const write = (task, texts, config) => {
    const path = join(folder, `${task}-test.jsonl`);
    writeFileSync(path, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
    const given = { task, dataset_path: "json", dataset_kwargs: { data_files: { test: path } }, test_split: "test" };
    writeFileSync(join(folder, `${task}.yaml`), JSON.stringify({ ...given, ...config }));
  };
  const generation = { until: stops, max_gen_toks: most, do_sample: false, temperature: 0 };
  write("quern_generation", prompts, {
    ...{ output_type: "generate_until", doc_to_text: "{{text}}", doc_to_target: "", generation_kwargs: generation },
    metric_list: [{ metric: "exact_match" }],
  });
  const metrics = ["word_perplexity", "byte_perplexity", "bits_per_byte"].map((metric) => ({ metric }));
  write("quern_rolling", [long], {
    ...{ output_type: "loglikelihood_rolling", doc_to_text: "", doc_to_target: "{{text}}", metric_list: metrics },
  });
  return { names: ["quern_generation", "quern_rolling"], prompts, stops, most, file };
}
