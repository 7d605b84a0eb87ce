/** `npm run bench -- start`: milliseconds to import the library, to have its kernels ready, and to print a first token. */
import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "models/fable-mixtral" },
    threads: { type: "string", default: "1" },
    runs: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});

const LIBRARY = new URL("../dist/index.js", import.meta.url).href;
const PROGRAM = new URL("../dist/cli/main.js", import.meta.url).pathname;
const GENERATE = ["generate", values.model, "--prompt", "Once", "--max-tokens", "1", "--threads", values.threads];

/** Each runs in a process of its own. */
const PROGRAMS = {
  process: ["-e", "0"],
  import: ["--input-type=module", "-e", `await import(${JSON.stringify(LIBRARY)})`],
  ready: [
    "--input-type=module",
    "-e",
    `await (await import(${JSON.stringify(LIBRARY)})).createMachine({ threads: ${values.threads} })`,
  ],
  "first token": [PROGRAM, ...GENERATE],
};
type Name = keyof typeof PROGRAMS;
const NAMES = Object.keys(PROGRAMS) as Name[];

const times = new Map<Name, number[]>(NAMES.map((name) => [name, []]));
for (let run = 0; run < Number(values.runs); run++)
  for (const name of NAMES) {
    const begin = performance.now();
    execFileSync(process.execPath, PROGRAMS[name], { stdio: "ignore" });
    times.get(name)?.push(performance.now() - begin);
  }
const best = Object.fromEntries(NAMES.map((name) => [name, Math.min(...(times.get(name) ?? []))])) as Record<
  Name,
  number
>;

if (values.json) console.log(JSON.stringify(best));
else
  console.log(
    `import ${(best.import - best.process).toFixed(0)} ms, kernels ready after ${(best.ready - best.process).toFixed(0)} ms, ` +
      `first token after ${best["first token"].toFixed(0)} ms (the process itself ${best.process.toFixed(0)} ms; ` +
      `best of ${values.runs}, ${values.model}, ${values.threads} threads, Node ${process.versions.node})`,
  );
