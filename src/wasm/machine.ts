/** A machine: one linear memory, its kernels (base or relaxed build), an arena over it, and helper threads. */
import { instantiate } from "@assemblyscript/loader";
import { UnsupportedError, UsageError } from "../errors.ts";
import { Arena } from "./arena.ts";
import { HEAP_BASE, writeConstants } from "./constants.ts";
import { Crew } from "./crew.ts";
import { hasRelaxedSimd, hasSharedMemory } from "./features.ts";
import { KERNEL_NAMES, type KernelName } from "./generated/kernels.ts";
import { giveMemory, takeMemory } from "./memories.ts";
import { type Kernel, playCalls } from "./play.ts";
import { shareMemory } from "./shared-module.ts";
import { CALL_WORDS, Tape } from "./tape.ts";

export type KernelBuild = "base" | "relaxed";

/** Compiled or raw kernels; raw bytes are compiled here, which edge runtimes forbid. */
export interface KernelModules {
  readonly base: WebAssembly.Module | Uint8Array<ArrayBuffer>;
  readonly relaxed?: WebAssembly.Module | Uint8Array<ArrayBuffer>;
}

export interface MachineOptions {
  /** Which build; `auto` (default) takes `relaxed` where the runtime has relaxed SIMD. Both give the same bits. */
  readonly kernels?: "auto" | KernelBuild;
  /** Threads that compute, the caller's included. Default 1. Falls back to 1 where memory cannot be shared. */
  readonly threads?: number;
}

const SCRATCH_BYTES = 1 << 20;
const TAPE_CALLS = 4096;
const MAX_THREADS = 64;
const OPCODES: ReadonlyMap<KernelName, number> = new Map(KERNEL_NAMES.map((name, index) => [name, index]));

export class Machine implements AsyncDisposable {
  readonly build: KernelBuild;
  readonly threads: number;
  readonly memory: WebAssembly.Memory;
  readonly arena: Arena;
  readonly #kernels: readonly Kernel[];
  readonly #crew: Crew | undefined;
  readonly #scratch: number;
  readonly #shared: boolean;
  readonly #tapePtr: number;
  readonly #single: Tape;
  #disposed = false;

  /** @throws UsageError for a thread count that is no positive integer; UnsupportedError where `relaxed` cannot run. */
  static async create(modules: KernelModules, options: MachineOptions = {}): Promise<Machine> {
    const build = chooseBuild(modules, options.kernels ?? "auto");
    const source = modules[build] as WebAssembly.Module | Uint8Array<ArrayBuffer>;
    const threads = chooseThreads(options.threads ?? 1, source);
    const module = await compile(source, threads > 1);
    const memory = takeMemory(threads > 1);
    writeConstants(memory);
    const { exports } = await instantiate(module, { env: { memory } });
    const kernels = KERNEL_NAMES.map((name) => (exports as Record<string, unknown>)[name] as Kernel);
    const arena = new Arena(memory);
    const scratch = Array.from({ length: threads }, () => arena.alloc(SCRATCH_BYTES));
    const crew = threads > 1 ? await Crew.start({ module, memory, names: KERNEL_NAMES, threads, scratch }) : undefined;
    return new Machine(build, crew === undefined ? 1 : threads, threads > 1, memory, arena, kernels, crew, scratch[0]);
  }

  private constructor(
    build: KernelBuild,
    threads: number,
    shared: boolean,
    memory: WebAssembly.Memory,
    arena: Arena,
    kernels: readonly Kernel[],
    crew: Crew | undefined,
    scratch: number,
  ) {
    this.build = build;
    this.threads = threads;
    this.memory = memory;
    this.arena = arena;
    this.#kernels = kernels;
    this.#crew = crew;
    this.#scratch = scratch;
    this.#shared = shared;
    this.#tapePtr = crew === undefined ? HEAP_BASE : arena.alloc(TAPE_CALLS * CALL_WORDS * 4);
    this.#single = this.tape();
  }

  /** An empty tape for this machine. */
  tape(): Tape {
    return new Tape({
      threads: this.threads,
      opcode,
      play: (words, calls, shared) => this.#play(words, calls, shared),
    });
  }

  /** Runs one kernel now, on all threads. */
  call(kernel: KernelName, units: number, ...args: readonly number[]): void {
    this.#single.clear();
    this.#single.call(kernel, units, 1e9, ...args);
    this.#single.run();
  }

  /** Stops the helpers, then leaves the memory to the next machine or to the garbage collector. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#crew?.stop();
    giveMemory(this.memory, this.#shared);
  }

  #play(words: Int32Array, calls: number, worthSharing: boolean): void {
    if (this.#disposed) throw new UsageError("engine", "a call after disposal", "a live engine");
    const crew = this.#crew;
    if (crew === undefined || !worthSharing) {
      const failure = playCalls(words, 0, calls, this.#kernels, 0, 1, this.#scratch, undefined, 0, false);
      if (failure !== undefined) throw failure;
      return;
    }
    for (let done = 0; done < calls; done += TAPE_CALLS)
      this.#playShared(crew, words, done, Math.min(calls - done, TAPE_CALLS));
  }

  #playShared(crew: Crew, words: Int32Array, done: number, calls: number): void {
    const shared = new Int32Array(this.memory.buffer);
    const at = this.#tapePtr >>> 2;
    shared.set(words.subarray(done * CALL_WORDS, (done + calls) * CALL_WORDS), at);
    crew.wake(this.#tapePtr, calls);
    const { control, spins, mayWait } = crew;
    const failure = playCalls(
      shared,
      at,
      calls,
      this.#kernels,
      0,
      this.threads,
      this.#scratch,
      control,
      spins,
      mayWait,
    );
    const helperFailed = crew.takeFailure();
    if (failure !== undefined) throw failure;
    if (helperFailed) throw new Error("a kernel trapped on a helper thread");
  }
}

function opcode(kernel: KernelName): number {
  return OPCODES.get(kernel) as number;
}

function chooseBuild(modules: KernelModules, wish: "auto" | KernelBuild): KernelBuild {
  if (wish !== "auto" && wish !== "base" && wish !== "relaxed")
    throw new UsageError("kernels", String(wish), "auto, base or relaxed");
  if (wish === "base") return "base";
  const able = modules.relaxed !== undefined && hasRelaxedSimd();
  if (wish === "relaxed" && !able)
    throw new UnsupportedError("kernels", "relaxed, which this runtime cannot run (no relaxed SIMD)", ["auto", "base"]);
  return able ? "relaxed" : "base";
}

function chooseThreads(wish: number, source: WebAssembly.Module | Uint8Array): number {
  if (!Number.isInteger(wish) || wish < 1 || wish > MAX_THREADS)
    throw new UsageError("threads", String(wish), `an integer from 1 to ${MAX_THREADS}`);
  // A compiled module has its memory's kind fixed; only bytes can be turned into the shared variant.
  return hasSharedMemory() && source instanceof Uint8Array ? wish : 1;
}

const compiled = new WeakMap<Uint8Array, Map<boolean, Promise<WebAssembly.Module>>>();

/** Compiles once per bytes and kind of memory: many machines in a process share the code. */
function compile(
  source: WebAssembly.Module | Uint8Array<ArrayBuffer>,
  shared: boolean,
): Promise<WebAssembly.Module> | WebAssembly.Module {
  if (!(source instanceof Uint8Array)) return source;
  const kinds = compiled.get(source) ?? new Map<boolean, Promise<WebAssembly.Module>>();
  compiled.set(source, kinds);
  const known = kinds.get(shared);
  if (known !== undefined) return known;
  const module = WebAssembly.compile(shared ? shareMemory(source) : source);
  kinds.set(shared, module);
  return module;
}
