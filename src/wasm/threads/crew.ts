/** Starts and stops the helper threads of a machine: workers that are started from source text and compute in the shared memory. */
import { Lead } from "./lead.ts";
import { CONTROL, computeChunk, type Desk, type HelperTask, helperMain, type Kernel } from "./teamwork.ts";

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
  /** The kernels as the caller calls them. */
  readonly kernels: readonly Kernel[];
  readonly threads: number;
  /** Address of each thread's scratch, the caller's first. */
  readonly scratch: readonly number[];
  /** Microseconds without work after which a thread sleeps. */
  readonly patience: number;
}

/** Chunks of a call for each thread, at most: a thread that comes late leaves most of them to the others. */
const CHUNKS_EACH = 4;

/** The worker's program. `process.getBuiltinModule` gives worker_threads in Node, Deno and Bun without an import. */
function helperSource(): string {
  return `const compute = ${computeChunk};
const main = ${helperMain};
const port = globalThis.process?.getBuiltinModule?.("node:worker_threads")?.parentPort ?? globalThis;
const start = (message) => main(message, compute, () => port.postMessage("ready"));
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
  readonly #control: Int32Array = new Int32Array(new SharedArrayBuffer(CONTROL.words * 4));
  readonly #desk: Desk;
  readonly #lead: Lead;
  readonly #helpers: Helper[] = [];

  private constructor(desk: Desk, patience: number) {
    this.#desk = desk;
    this.#lead = new Lead(this.#control, desk, { mayWait: mayWaitHere(this.#control), patience });
  }

  /** Starts `threads - 1` helpers; undefined if workers cannot be started. No helper is left running then. */
  static async start(setup: CrewSetup): Promise<Crew | undefined> {
    const desk = { kernels: setup.kernels, scratch: setup.scratch[0], most: CHUNKS_EACH * setup.threads };
    const crew = new Crew(desk, setup.patience);
    try {
      const source = helperSource();
      const ready: Promise<void>[] = [];
      for (let thread = 1; thread < setup.threads; thread++) {
        const helper = startHelper(source);
        if (helper === undefined) throw new Error("no workers here");
        ready.push(crew.#hire(helper, setup, thread));
      }
      // The memory must not grow before a helper has it: engines tell only threads that have a memory of its new size.
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
  #hire(helper: Helper, { modules, memory, names, scratch }: CrewSetup, thread: number): Promise<void> {
    this.#helpers.push(helper);
    const ready = new Promise<void>((resolve, reject) => helper.onMessage(() => resolve(), reject));
    ready.catch(() => {}); // a failure while other helpers are still being started is handled later
    const own = { control: this.#control, scratch: scratch[thread], most: this.#desk.most };
    helper.post({ modules, memory, names, ...own } satisfies HelperTask);
    return ready;
  }

  /** Plays `count` calls from word `at` on, together with the helpers. @throws what a kernel threw on any thread. */
  play(words: Int32Array, at: number, count: number): void {
    const failure = this.#lead.play(words, at, count);
    const helperFailed = Atomics.exchange(this.#control, CONTROL.failed, 0) === 1;
    if (failure !== undefined) throw failure;
    if (helperFailed) throw new Error("a kernel trapped on a helper thread");
  }

  /** Lets helpers without work sleep at once. */
  rest(): void {
    Atomics.store(this.#control, CONTROL.patience, 0);
  }

  /** Stops all helpers. Resolves when none can access the memory any more. */
  async stop(): Promise<void> {
    Atomics.store(this.#control, CONTROL.stop, 1);
    Atomics.add(this.#control, CONTROL.open, 1);
    Atomics.notify(this.#control, CONTROL.open);
    await Promise.all(this.#helpers.map((helper) => helper.terminate()));
  }
}
