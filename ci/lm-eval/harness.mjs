// lm-evaluation-harness as a program: where it is, and a run of it against a server.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
export const VERSION = "0.4.13";
const MOST_MS = 60 * 60_000;

/** What Python says of itself: the harness's version, what else it needs, and the folder of its tasks. */
const PROBE = `
import importlib.metadata as meta, importlib.util as util, json, os
def version(name):
    try: return meta.version(name)
    except meta.PackageNotFoundError: return None
names = ["lm_eval", "aiohttp", "tenacity", "requests", "tqdm", "datasets", "transformers"]
spec = util.find_spec("lm_eval")
print(json.dumps({"versions": {name: version(name) for name in names}, "tasks": spec and os.path.join(os.path.dirname(spec.origin), "tasks")}))
`;

/** @returns the Python that has the harness, with the folder of its tasks; or why there is none. */
export async function findHarness() {
  const given = process.env.QUERN_LM_EVAL_PYTHON;
  const python = given ?? "python3";
  const from = given === undefined ? "python3 on the path" : `QUERN_LM_EVAL_PYTHON, ${given},`;
  const expected = `expected one with lm_eval ${VERSION}, its extra "api" and transformers`;
  try {
    const { stdout } = await execute(python, ["-c", PROBE]);
    const { versions, tasks } = JSON.parse(stdout);
    const missing = Object.keys(versions).filter((name) => versions[name] === null);
    if (missing.length > 0) return { problem: `${from} has no ${missing.join(", ")}; ${expected}` };
    if (versions.lm_eval !== VERSION) return { problem: `${from} has lm_eval ${versions.lm_eval}; ${expected}` };
    return { python, tasks };
  } catch (error) {
    return { problem: `${from} does not run (${error.code ?? error.message}); ${expected}` };
  }
}

/**
 * Runs the harness without a network.
 * @param scratch folder for what it writes.
 * @returns `results` of its document by task, and its log of `samples` by task.
 */
export async function runHarness({ python, tasksFolder, scratch, tasks, batch, limit, model, key = "" }) {
  const output = mkdtempSync(join(scratch, "harness-"));
  const args = ["-m", "lm_eval", "run", "--model", "local-completions", "--include_path", tasksFolder];
  args.push("--tasks", tasks.join(","), "--batch_size", String(batch), "--log_samples", "--output_path", output);
  if (limit !== undefined) args.push("--limit", String(limit));
  args.push("--model_args", JSON.stringify(model));
  const env = {
    ...process.env,
    ...{ HF_HOME: join(scratch, "hub"), HF_HUB_OFFLINE: "1", HF_DATASETS_OFFLINE: "1", NO_PROXY: "127.0.0.1" },
    OPENAI_API_KEY: key,
  };
  await execute(python, args, { env, maxBuffer: 2 ** 28, timeout: MOST_MS });
  return readOutput(output, tasks);
}

function readOutput(output, tasks) {
  const [folder] = readdirSync(output);
  const text = (start) => {
    const name = readdirSync(join(output, folder)).find((each) => each.startsWith(start));
    return readFileSync(join(output, folder, name), "utf8");
  };
  const samples = tasks.map((task) => {
    const lines = text(`samples_${task}_2`).trim().split("\n");
    return [task, lines.map((line) => sampleOf(JSON.parse(line)))];
  });
  return { results: JSON.parse(text("results_")).results, samples: Object.fromEntries(samples) };
}

/** A sample in the form of `quern evaluate`: the harness writes numbers and truths as texts. Texts that go on stay as they are. */
function sampleOf({ resps, ...sample }) {
  const isScore = ([answer]) => Array.isArray(answer);
  const read = (answers) => (isScore(answers) ? [Number(answers[0][0]), answers[0][1] === "True"] : answers);
  return { ...sample, resps: resps.map(read) };
}
