/** What an area is: how a hostile input is made, and how the product reads it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { NumericsError, QuernError } from "../../src/base/errors.ts";
import { filesFolder } from "../../src/files/source.ts";
import { Model, readModelFiles } from "../../src/model/model.ts";
import { computeLogits } from "../../src/runtime/logits.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { Dice } from "./dice.ts";

/** Changed files by name; what an area reads besides is as it was. */
export type Input = Readonly<Record<string, Uint8Array>>;

export interface Area {
  make(dice: Dice): Input;
  /** Ends quietly where the input works, and throws what the product throws. */
  run(input: Input): Promise<void>;
}

export type Outcome = "works" | "refused";

export function inputOf(area: Area, name: string, seed: number, index: number): Input {
  return area.make(new Dice(name, seed, index));
}

/** @throws what is no typed error: a fault. */
export async function outcomeOf(area: Area, input: Input): Promise<Outcome> {
  try {
    await area.run(input);
    return "works";
  } catch (error) {
    if (error instanceof QuernError) return "refused";
    throw error;
  }
}

/** The files of a folder of the repository, without the expectations beside them. */
export function filesOf(path: string): Record<string, Uint8Array> {
  const root = repositoryFile(path);
  const names = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isFile());
  const wanted = names.map((entry) => entry.name).filter((name) => !/^expected|README/.test(name));
  return Object.fromEntries(wanted.map((name) => [name, new Uint8Array(readFileSync(`${root}/${name}`))]));
}

export function jsonOf(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** A model folder loads and gives finite logits, or one of the two is refused. */
export async function runModel(files: Input): Promise<void> {
  await using model = await Model.open(
    await readModelFiles(filesFolder("fuzz", files)),
    await createMachine({ threads: 1 }),
  );
  const { data } = await computeLogits(model, [1, 2, 0].slice(0, model.config.maxPositions));
  const bad = data.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new Error(`logit ${bad} is ${data[bad]}, expected a number or a ${NumericsError.name}`);
}

/** Keeps an input to look at, in a folder that git ignores. */
export function saveInput(input: Input, folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(input)) writeFileSync(`${folder}/${name.replaceAll("/", "_")}`, bytes);
}
