/** Engines that must give the same bits: builds of the kernels, numbers of threads, and batches into which tokens are cut. */
import { createHash } from "node:crypto";
import { QuernError } from "../../../src/base/errors.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import type { Machine } from "../../../src/wasm/machine.ts";
import { BUILDS } from "../../helpers/kernels.ts";
import type { Dice } from "../dice.ts";

export interface Engine {
  readonly kernels: "base" | "relaxed";
  readonly threads: number;
  /** Most tokens of one pass. */
  readonly batch: number;
}

/** Named results: hashes, or the error that ended the work. */
export type Results = Readonly<Record<string, string>>;

/** Something to compute, drawn at random. `title` has all that was drawn. */
export interface Configuration {
  readonly title: string;
  computeOn(engine: Engine, machines: Machines): Promise<Results>;
}

const WHOLE: Engine = { kernels: "base", threads: 1, batch: 512 };

/** The plain engine, and one drawn at random for each build of the kernels. */
export function drawEngines(dice: Dice): readonly Engine[] {
  const draw = (kernels: Engine["kernels"]): Engine => ({
    kernels,
    threads: 1 + dice.below(4),
    batch: dice.pick([1, 2, 3, 5, 8, 17, 64]),
  });
  return [WHOLE, ...BUILDS.map(draw)];
}

/** What the work gives, or the typed error that it ends with: that too must not depend on the engine. */
export async function outcomeOf(work: () => Promise<Results>): Promise<Results> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof QuernError) return { refused: `${error.name}: ${error.message}` };
    throw error;
  }
}

/** Machines for work that leaves nothing in their memory, since starting threads takes longer than most of it. */
export class Machines implements AsyncDisposable {
  readonly #machines: Map<string, Promise<Machine>> = new Map();

  on({ kernels, threads }: Engine): Promise<Machine> {
    const key = `${kernels}/${threads}`;
    const machine = this.#machines.get(key) ?? createMachine({ kernels, threads });
    this.#machines.set(key, machine);
    return machine;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const machine of this.#machines.values()) await (await machine)[Symbol.asyncDispose]();
  }
}

export function hashOf(data: Uint8Array | Int32Array | Float32Array | Float64Array): string {
  return createHash("sha256").update(data).digest("hex");
}
