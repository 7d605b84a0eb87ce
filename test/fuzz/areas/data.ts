/** Numbers and texts from outside: .npy, files of token ids, gzip, rows of tasks. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { readIdsFile, readTextInput } from "../../../src/cli/input/text-input.ts";
import { loadTask } from "../../../src/eval/tasks/load-task.ts";
import { findTasks } from "../../../src/eval/tasks/registry.ts";
import { bytesSource, filesFolder } from "../../../src/files/source.ts";
import { npyHeader, readNpy } from "../../../src/format/npy.ts";
import { type Area, filesOf, type Input } from "../area.ts";
import { damageBytes, joined } from "../bytes.ts";
import type { Dice } from "../dice.ts";
import { damageJson } from "../json.ts";

const { signal } = new AbortController();
const encode = (text: string) => new TextEncoder().encode(text);

/** One changed file, written where the command line would find it. */
function fileArea(make: (dice: Dice) => Input, read: (path: string) => Promise<unknown>): Area {
  const folder = mkdtempSync(`${tmpdir()}/quern-fuzz-`);
  return {
    make,
    async run(input) {
      for (const [name, bytes] of Object.entries(input)) {
        writeFileSync(`${folder}/${name}`, bytes);
        await read(`${folder}/${name}`);
      }
    },
  };
}

export async function npy(): Promise<Area> {
  const data = new Uint8Array(new Float32Array(12).fill(0.5).buffer);
  const file = joined(npyHeader([3, 4]), data);
  return {
    make: (dice) => ({ "a.npy": dice.chance(0.5) ? damageBytes(file, dice) : damageHeader(file, dice) }),
    async run(input) {
      await readNpy(bytesSource("a.npy", input["a.npy"]));
    },
  };
}

function damageHeader(file: Uint8Array, dice: Dice): Uint8Array {
  const text = Buffer.from(file).toString("latin1");
  const shape = dice.pick([
    "(4294967296, 4294967296)",
    "(0,)",
    "()",
    "(,)",
    "(3, 4, 0)",
    "(9007199254740993,)",
    "(-1, 4)",
    "(1 2)",
    "(12)",
  ]);
  const type = dice.pick(["<f4", "<f8", "<i4", ">f4", "|O", "__proto__", "toString"]);
  return new Uint8Array(Buffer.from(text.replace("(3, 4)", shape).replace("<f4", type), "latin1"));
}

export async function ids(): Promise<Area> {
  const numbers = new Uint8Array(Int32Array.of(1, 2, 3, 4).buffer);
  const make = (dice: Dice): Input => {
    const kind = dice.below(4);
    if (kind === 0) return { "a.u16": damageBytes(numbers, dice) };
    if (kind === 1) return { "a.i32": damageBytes(numbers, dice) };
    const seed =
      kind === 2
        ? [1, 2, 3]
        : {
            windows: [
              [1, 2],
              [3, 4],
            ],
          };
    const json = damageJson(seed, dice);
    return dice.chance(0.3) ? { "a.json.gz": new Uint8Array(gzipSync(json)) } : { "a.json": json };
  };
  return fileArea(make, (path) => readIdsFile(path, signal));
}

/** Files that unpack to thousands of times their size, once or in many members. */
function bombs(): readonly Uint8Array[] {
  const member = new Uint8Array(gzipSync(new Uint8Array(20_000_000)));
  return [member, joined(...Array(30).fill(member))];
}

export async function gzip(): Promise<Area> {
  const text = "Once upon a time there was a small mill. ".repeat(50);
  const seeds = [encode(text), encode("a"), new Uint8Array(0), new Uint8Array(200_000)].map(
    (bytes) => new Uint8Array(gzipSync(bytes)),
  );
  const large = bombs();
  const make = (dice: Dice): Input => {
    if (dice.chance(0.004))
      return { "a.txt.gz": dice.chance(0.5) ? dice.pick(large) : damageBytes(dice.pick(large), dice) };
    const members = dice.chance(0.3) ? [dice.pick(seeds), dice.pick(seeds)] : [dice.pick(seeds)];
    return { "a.txt.gz": damageBytes(joined(...members), dice) };
  };
  return fileArea(make, (path) => readTextInput(path, signal));
}

const TASKS: readonly (readonly [task: string, files: readonly string[]])[] = [
  ["copa", ["copa/val.jsonl", "copa/train.jsonl"]],
  ["winogrande", ["winogrande/dev.jsonl"]],
  ["openbookqa", ["openbookqa/test.jsonl"]],
  ["piqa", ["piqa/valid.jsonl", "piqa/valid-labels.lst"]],
  ["mmlu_college_biology", ["mmlu/test/college_biology_test.csv", "mmlu/dev/college_biology_dev.csv"]],
];

export async function tasks(): Promise<Area> {
  const folders = TASKS.map(([task, paths]) => {
    const files: Record<string, Uint8Array> = {};
    for (const path of paths) {
      const [folder, name] = [path.slice(0, path.lastIndexOf("/")), path.slice(path.lastIndexOf("/") + 1)];
      files[path] = filesOf(`test/fixtures/eval/data/${folder}`)[name];
    }
    return { task, files };
  });
  return {
    make(dice) {
      const { task, files } = dice.pick(folders);
      const path = dice.pick(Object.keys(files));
      return { ...files, [path]: damageRows(files[path], path, dice), task: encode(task) };
    },
    async run({ task, ...files }) {
      const [found] = findTasks([new TextDecoder().decode(task)]);
      await loadTask(found.task, filesFolder("data", files), { shots: 1 });
    },
  };
}

function damageRows(bytes: Uint8Array, path: string, dice: Dice): Uint8Array {
  if (dice.chance(0.01)) return joined(...Array(dice.pick([50, 2000])).fill(bytes));
  if (!path.endsWith(".jsonl") || dice.chance(0.3)) return damageBytes(bytes, dice);
  const lines = new TextDecoder().decode(bytes).split("\n");
  const at = dice.below(Math.max(1, lines.length - 1));
  lines[at] = new TextDecoder().decode(damageJson(JSON.parse(lines[at]), dice)).replaceAll("\n", " ");
  return encode(lines.join("\n"));
}
