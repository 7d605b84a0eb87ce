/** Starts and wakes the helper threads of a machine: workers that are started from source text and play tapes in the shared memory. */
import { CONTROL, playCalls } from "./play.ts";

/** The common part of node:worker_threads and web workers. */
interface Helper {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void, failed: (error: unknown) => void): void;
  /** A waiting helper must not keep a process alive. */
  unref(): void;
  terminate(): unknown;
}

export interface CrewSetup {
  /** Modules of kernels; a later one's kernels replace those of the same name. */
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly names: readonly string[];
  readonly threads: number;
  /** Address of each thread's scratch, the caller's first. */
  readonly scratch: readonly number[];
}

/** How often a thread checks before it sleeps: tens of microseconds, because waking takes about as long. */
const SPINS = 4000;

interface HelperTask {
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly control: Int32Array;
  readonly names: readonly string[];
  readonly thread: number;
  readonly threads: number;
  readonly scratch: number;
  readonly spins: number;
}

/**
 * Runs in the worker: sleeps until the epoch changes, plays, and ends when it is told to stop. Like playCalls it refers to nothing
 * outside itself. It gets playCalls as an argument, because a bundler may have renamed the import.
 */
function helperMain(message: HelperTask, play: typeof playCalls, ready: () => void): void {
  const { modules, memory, control, names, thread, threads, scratch, spins } = message;
  const exported: Record<string, unknown> = {};
  for (const module of modules) Object.assign(exported, new WebAssembly.Instance(module, { env: { memory } }).exports);
  const kernels = names.map((name) => exported[name]) as never;
  let epoch = 0;
  let words = new Int32Array(memory.buffer);
  ready();
  for (;;) {
    let rounds = 0;
    while (Atomics.load(control, 0) === epoch) if (++rounds > spins) Atomics.wait(control, 0, epoch);
    epoch = Atomics.load(control, 0);
    if (Atomics.load(control, 6) === 1) return;
    const at = control[2] >>> 2;
    // After another thread has grown the memory, it may take a moment until this thread sees it.
    while (words.buffer !== memory.buffer || at + control[1] * 16 > words.length) words = new Int32Array(memory.buffer);
    play(words, at, control[1], kernels, thread, threads, scratch, control, spins, true);
  }
}

/** The worker's program. `process.getBuiltinModule` gives worker_threads in Node, Deno and Bun without an import. */
function helperSource(): string {
  return `const play = ${playCalls};
const main = ${helperMain};
const port = globalThis.process?.getBuiltinModule?.("node:worker_threads")?.parentPort ?? globalThis;
const start = (message) => main(message, play, () => port.postMessage("ready"));
if (port.on) port.on("message", start); else port.addEventListener("message", (event) => start(event.data));`;
}

type NodeWorker = {
  postMessage(m: unknown): void;
  on(e: string, f: (v: unknown) => void): void;
  unref(): void;
  terminate(): unknown;
};
type BuiltinModules = { getBuiltinModule?(name: string): { Worker: new (url: URL) => NodeWorker } | undefined };

/** Starts a worker from source text: `data:` for node:worker_threads, `blob:` in browsers (isolated, unlike `data:` there). */
function startHelper(source: string): Helper | undefined {
  const process = (globalThis as { process?: BuiltinModules }).process;
  const nodeThreads = process?.getBuiltinModule?.("node:worker_threads");
  if (nodeThreads !== undefined) {
    const worker = new nodeThreads.Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
    return {
      post: (message) => worker.postMessage(message),
      onMessage: (listener, failed) => {
        worker.on("message", listener);
        worker.on("error", failed);
      },
      unref: () => worker.unref(),
      terminate: () => worker.terminate(),
    };
  }
  return typeof Worker === "undefined" ? undefined : startWebWorker(source);
}

function startWebWorker(source: string): Helper {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const worker = new Worker(url, { type: "module" });
    return {
      post: (message) => worker.postMessage(message),
      onMessage: (listener, failed) => {
        worker.onmessage = (event) => listener(event.data);
        worker.onerror = failed;
      },
      unref: () => URL.revokeObjectURL(url),
      terminate: () => {
        URL.revokeObjectURL(url);
        return worker.terminate();
      },
    };
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
}

/** Whether this thread may sleep in Atomics.wait (a browser page's may not). */
function mayWaitHere(control: Int32Array): boolean {
  try {
    Atomics.wait(control, CONTROL.words - 1, 1, 0);
    return true;
  } catch {
    return false;
  }
}

export class Crew {
  readonly spins: number = SPINS;
  readonly control: Int32Array = new Int32Array(new SharedArrayBuffer(CONTROL.words * 4));
  readonly mayWait: boolean = mayWaitHere(this.control);
  readonly #helpers: Helper[] = [];

  /** Starts `threads - 1` helpers; undefined if workers cannot be started. No helper is left running then. */
  static async start(setup: CrewSetup): Promise<Crew | undefined> {
    const crew = new Crew();
    try {
      const source = helperSource();
      const ready: Promise<void>[] = [];
      for (let thread = 1; thread < setup.threads; thread++) {
        const helper = startHelper(source);
        if (helper === undefined) throw new Error("no workers here");
        ready.push(crew.#hire(helper, setup, thread));
      }
      await Promise.all(ready);
    } catch {
      // If a policy forbids `blob:` workers, the constructor throws, or the worker gets an error event without a message.
      await crew.stop();
      return undefined;
    }
    for (const helper of crew.#helpers) helper.unref();
    return crew;
  }

  /** Gives a helper its task. Resolves when the helper is ready. */
  #hire(helper: Helper, { modules, memory, names, threads, scratch }: CrewSetup, thread: number): Promise<void> {
    this.#helpers.push(helper);
    const ready = new Promise<void>((resolve, reject) => helper.onMessage(() => resolve(), reject));
    ready.catch(() => {}); // a failure while other helpers are still being started is handled later
    const { control } = this;
    helper.post({ modules, memory, control, names, thread, threads, scratch: scratch[thread], spins: SPINS });
    return ready;
  }

  /** Wakes the helpers for the calls at address `tape`. The caller then plays its share, which ends at the last barrier. */
  wake(tape: number, calls: number): void {
    this.control[CONTROL.tape] = tape;
    this.control[CONTROL.calls] = calls;
    Atomics.add(this.control, CONTROL.epoch, 1);
    Atomics.notify(this.control, CONTROL.epoch);
  }

  /** Whether a helper's kernel has trapped since the last call. */
  takeFailure(): boolean {
    return Atomics.exchange(this.control, CONTROL.failed, 0) === 1;
  }

  /** Stops all helpers. Resolves when none can access the memory any more. */
  async stop(): Promise<void> {
    Atomics.store(this.control, CONTROL.stop, 1);
    Atomics.add(this.control, CONTROL.epoch, 1);
    Atomics.notify(this.control, CONTROL.epoch);
    await Promise.all(this.#helpers.map((helper) => helper.terminate()));
  }
}
