/** Defines the machine: a linear memory, the kernels (base or relaxed build), an arena that allocates in the memory, and helper threads. */
import { UnsupportedError, UsageError } from "../base/errors.ts";

import { compile, type KernelSource } from "./compile.ts";
import { HEAP_BASE, writeConstants } from "./constants.ts";
import { type DotForm, findDotForm } from "./dot-form.ts";
import { hasRelaxedSimd } from "./features.ts";
import { KERNEL_NAMES, type KernelName } from "./generated/kernels.ts";
import { Jobs } from "./jobs.ts";
import { Arena } from "./memory/arena.ts";
import { giveMemory, takeMemory } from "./memory/memories.ts";
import type { Region } from "./memory/region.ts";
import { playCalls } from "./play.ts";
import { CALL_WORDS, type Player, Tape } from "./tape.ts";
import { chooseThreads, NO_WORKERS, warnOfThreads } from "./threads/choose-threads.ts";
import { Crew } from "./threads/crew.ts";
import { checkPatience } from "./threads/lead.ts";
import type { Kernel } from "./threads/teamwork.ts";

export type KernelBuild = "base" | "relaxed";

/** The kernels: `base` has all of them, `relaxed` those that replace some of them in the relaxed build. */
export interface KernelModules {
  readonly base: KernelSource;
  readonly relaxed?: KernelSource;
}

/** The build of the kernels, and the number of threads. */
export interface MachineOptions {
  /** The build of the kernels; `auto` (default) takes `relaxed` if the runtime has relaxed SIMD. Both give the same bits. */
  readonly kernels?: "auto" | KernelBuild;
  /** Threads that compute, including the caller's. Default: the cores, or 1 if memory cannot be shared. */
  readonly threads?: number;
  /** How the relaxed build adds up products of bytes; `auto` (default) as the CPU does it fastest, `pairs` as CPUs without a dot product of four bytes do. Same bits. */
  readonly dots?: "auto" | "pairs";
  /** Microseconds for which a thread looks for work before it sleeps; 0 lets other programs have the cores at once. Default 200. */
  readonly patience?: number;
  /** Called with a sentence if only one thread runs instead of several. */
  readonly onWarning?: (sentence: string) => void;
}

const SCRATCH_BYTES = 1 << 20;
const TAPE_CALLS = 4096;
const OPCODES: ReadonlyMap<KernelName, number> = new Map(KERNEL_NAMES.map((name, index) => [name, index]));

/** The parts of a machine. */
interface Parts {
  readonly modules: KernelModules;
  readonly build: KernelBuild;
  readonly dots: DotForm;
  readonly threads: number;
  readonly patience: number;
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  readonly arena: Arena;
  readonly kernels: readonly Kernel[];
  readonly crew: Crew | undefined;
  /** Owns the scratch of all threads and the buffer for tapes. */
  readonly own: Region;
  /** Addresses of the caller's scratch, and of the buffer for tapes that all threads play. */
  readonly scratch: number;
  readonly tape: number;
}

/** Stops the helper threads of machines that were garbage collected without being disposed; they would wait for ever. */
const forgotten = new FinalizationRegistry<Crew>((crew) => void crew.stop());

/**
 * An engine: a memory, the kernels and their threads. Allocating throws a `MemoryError` if the memory cannot grow. Dispose it to free
 * all of it.
 */
export class Machine implements AsyncDisposable {
  readonly build: KernelBuild;
  /** How integers are multiplied here; it decides which kernels multiply codes. */
  readonly dots: DotForm;
  readonly threads: number;
  /** Microseconds for which a thread looks for work before it sleeps; 0 with one thread, which waits for none. */
  readonly patience: number;
  readonly memory: WebAssembly.Memory;
  readonly arena: Arena;
  /** The jobs that run in this memory. */
  readonly jobs: Jobs = new Jobs("engine");
  readonly #parts: Parts;
  readonly #player: Player;
  readonly #single: Tape;
  readonly #siblings: Machine[] = [];
  #disposal: Promise<void> | undefined;

  /**
   * Creates a machine. Falls back to one thread, with a warning, if the memory cannot be shared or workers cannot be started.
   * @throws UsageError for a thread count out of range; UnsupportedError if `relaxed` cannot run here.
   */
  static async create(modules: KernelModules, options: MachineOptions = {}): Promise<Machine> {
    const build = chooseBuild(modules, options.kernels ?? "auto");
    const sources = sourcesOf(modules, build);
    const threads = chooseThreads(options, sources);
    const patience = checkPatience(options.patience);
    const shared = threads > 1;
    // The loader comes with the first machine: a page that opens no model does without it.
    const [{ instantiateSync }, ...compiled] = await Promise.all([
      import("@assemblyscript/loader"),
      ...sources.map((source) => compile(source, shared)),
    ]);
    const memory = takeMemory(shared);
    try {
      writeConstants(memory);
      // Not the loader's asynchronous function: it asks for `Response`, for which Node loads its HTTP client (20 ms).
      const instances = compiled.map((module) => instantiateSync(module, { env: { memory } }));
      const exported = Object.assign({}, ...instances.map(({ exports }) => exports)) as Record<KernelName, Kernel>;
      const kernels = KERNEL_NAMES.map((name) => exported[name]);
      const arena = new Arena(memory);
      const own = arena.region();
      const scratch = Array.from({ length: threads }, () => own.alloc(SCRATCH_BYTES));
      const tape = shared ? own.alloc(TAPE_CALLS * CALL_WORDS * 4) : HEAP_BASE;
      const crew = shared
        ? await Crew.start({ modules: compiled, memory, names: KERNEL_NAMES, kernels, threads, scratch, patience })
        : undefined;
      if (shared && crew === undefined) warnOfThreads(options, threads, NO_WORKERS);
      const granted = crew === undefined ? 1 : threads;
      const dots = findDotForm({ probe: exported.probe_dot_form, memory, scratch: scratch[0] }, options.dots);
      const parts = {
        modules,
        build,
        dots,
        threads: granted,
        patience: crew === undefined ? 0 : patience,
        memory,
        shared,
        arena,
        own,
        kernels,
        crew,
        scratch: scratch[0],
        tape,
      };
      return new Machine(parts);
    } catch (error) {
      giveMemory(memory, shared);
      throw error;
    }
  }

  private constructor(parts: Parts) {
    this.build = parts.build;
    this.dots = parts.dots;
    this.threads = parts.threads;
    this.patience = parts.patience;
    this.memory = parts.memory;
    this.arena = parts.arena;
    this.#parts = parts;
    this.#player = {
      threads: parts.threads,
      words: () => parts.arena.words,
      opcode,
      play: (words, at, calls, shared) => this.#play(words, at, calls, shared),
    };
    this.#single = this.tape();
    if (parts.crew !== undefined) forgotten.register(this, parts.crew, parts.crew);
  }

  /** Another machine of this kind with a memory of its own, which ends with this one. Its jobs are this one's. */
  async sibling(): Promise<Machine> {
    const { modules, build, threads, patience } = this.#parts;
    const dots = this.dots === "pairs" ? "pairs" : "auto";
    const machine = await Machine.create(modules, { kernels: build, dots, threads, patience });
    this.#siblings.push(machine);
    return machine;
  }

  /** Lets the helpers sleep at once, so that those of another machine have the cores. The next call wakes them. */
  rest(): void {
    this.#parts.crew?.rest();
  }

  /** An empty tape for this machine. */
  tape(): Tape {
    return new Tape(this.#player);
  }

  /** Runs one kernel now, on all threads. */
  call(kernel: KernelName, units: number, ...args: readonly number[]): void {
    this.#single.clear();
    this.#single.call(kernel, units, 1e9, ...args);
    this.#single.run();
  }

  /**
   * Ends all jobs and waits until they have stopped, then stops the helpers and leaves the memory to the next machine or to the garbage
   * collector. Later calls throw. Do not await it inside a job.
   */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#end();
    return this.#disposal;
  }

  async #end(): Promise<void> {
    const { arena, crew, memory, shared } = this.#parts;
    await this.jobs.close();
    for (const machine of this.#siblings) await machine[Symbol.asyncDispose]();
    arena.close();
    if (crew !== undefined) forgotten.unregister(crew);
    await crew?.stop();
    giveMemory(memory, shared);
  }

  #play(words: Int32Array, at: number, calls: number, worthSharing: boolean): void {
    const { arena, crew, kernels, scratch, tape } = this.#parts;
    arena.check();
    if (crew === undefined || !worthSharing) {
      playCalls(words, at, calls, kernels, scratch);
      return;
    }
    if (words === arena.words) {
      crew.play(words, at, calls);
      return;
    }
    // Calls that only this thread can read are copied to a buffer that all threads can read.
    const shared = arena.words;
    const room = tape >>> 2;
    for (let done = 0; done < calls; done += TAPE_CALLS) {
      const part = Math.min(calls - done, TAPE_CALLS);
      const from = at + done * CALL_WORDS;
      for (let word = 0; word < part * CALL_WORDS; word++) shared[room + word] = words[from + word];
      crew.play(shared, room, part);
    }
  }
}

function opcode(kernel: KernelName): number {
  return OPCODES.get(kernel) as number;
}

/** The modules of a build; a later one's kernels replace those of the same name. */
function sourcesOf({ base, relaxed }: KernelModules, build: KernelBuild): readonly KernelSource[] {
  return build === "base" || relaxed === undefined ? [base] : [base, relaxed];
}

function chooseBuild(modules: KernelModules, wish: "auto" | KernelBuild): KernelBuild {
  if (wish !== "auto" && wish !== "base" && wish !== "relaxed")
    throw new UsageError("kernels", String(wish), "auto, base or relaxed");
  if (wish === "base") return "base";
  const able = modules.relaxed !== undefined && hasRelaxedSimd();
  if (wish === "relaxed" && !able)
    throw new UnsupportedError(
      "kernels",
      "relaxed, which cannot run here (no relaxed SIMD, or no module of that build)",
      ["auto", "base"],
    );
  return able ? "relaxed" : "base";
}
