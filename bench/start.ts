/** `npm run bench -- start`: milliseconds to import the library, to have its kernels ready, to a first token, and to open the models given by path. */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
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
const module = (code: string) => ["--input-type=module", "-e", code];

/** Each runs in a process of its own. */
const PROGRAMS = {
  process: ["-e", "0"],
  import: module(`await import(${JSON.stringify(LIBRARY)})`),
  ready: module(`await (await import(${JSON.stringify(LIBRARY)})).createMachine({ threads: ${values.threads} })`),
  "first token": [PROGRAM, ...GENERATE],
};
type Name = keyof typeof PROGRAMS;
const NAMES = Object.keys(PROGRAMS) as Name[];

/** Prints the milliseconds of opening a model, and of opening it and generating one token. */
const opening = (model: string) =>
  module(`const { loadModel } = await import(${JSON.stringify(LIBRARY)});
const begin = performance.now();
const model = await loadModel(${JSON.stringify(resolve(model))}, { threads: ${values.threads} });
const open = performance.now() - begin;
for await (const _ of model.generate("Once", { maxTokens: 1, temperature: 0 })) break;
console.log(JSON.stringify({ open, token: performance.now() - begin }));
process.exit(0);`);

interface Opening {
  readonly open: number;
  readonly token: number;
}

const times = new Map<Name, number[]>(NAMES.map((name) => [name, []]));
const openings = new Map<string, Opening[]>(positionals.map((model) => [model, []]));
for (let run = 0; run < Number(values.runs); run++) {
  for (const name of NAMES) {
    const begin = performance.now();
    execFileSync(process.execPath, PROGRAMS[name], { stdio: "ignore" });
    times.get(name)?.push(performance.now() - begin);
  }
  for (const [model, found] of openings)
    found.push(JSON.parse(execFileSync(process.execPath, opening(model), { encoding: "utf8" })));
}
const best = Object.fromEntries(NAMES.map((name) => [name, Math.min(...(times.get(name) ?? []))])) as Record<
  Name,
  number
>;
const models = [...openings].map(([model, found]) => ({
  model,
  open: Math.min(...found.map(({ open }) => open)),
  token: Math.min(...found.map(({ token }) => token)),
}));

if (values.json) console.log(JSON.stringify({ ...best, models }));
else {
  console.log(
    `import ${(best.import - best.process).toFixed(0)} ms, kernels ready after ${(best.ready - best.process).toFixed(0)} ms, ` +
      `first token after ${best["first token"].toFixed(0)} ms (the process itself ${best.process.toFixed(0)} ms; ` +
      `best of ${values.runs}, ${values.model}, ${values.threads} threads, Node ${process.versions.node})`,
  );
  for (const { model, open, token } of models)
    console.log(`${model}: open after ${open.toFixed(0)} ms, first token after ${token.toFixed(0)} ms`);
}
