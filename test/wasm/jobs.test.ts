import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import { Jobs } from "../../src/wasm/jobs.ts";

/** Work that says when it runs, until it is let go. */
class Stage {
  readonly log: string[] = [];
  readonly #ends: Map<string, () => void> = new Map();

  work(name: string): (turns: Turns) => Promise<string> {
    return async (turns) => {
      this.log.push(name);
      await new Promise<void>((resolve) => this.#ends.set(name, resolve));
      turns.check();
      return name;
    };
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.();
    await settled();
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const turns = new Turns();

describe("Jobs", () => {
  it("lets shared work run side by side and work alone by itself, first come first served", async () => {
    const jobs = new Jobs("engine");
    const stage = new Stage();
    const all = [
      jobs.shared(turns, stage.work("a")),
      jobs.shared(turns, stage.work("b")),
      jobs.alone("job", turns, stage.work("C")),
      jobs.shared(turns, stage.work("d")),
      jobs.alone("job", turns, stage.work("E")),
    ];
    await settled();
    expect(stage.log).toEqual(["a", "b"]);
    await stage.end("a");
    expect(stage.log).toEqual(["a", "b"]);
    await stage.end("b");
    expect(stage.log).toEqual(["a", "b", "C"]);
    expect(() => jobs.requireFree()).toThrow("engine: found job at work on it, expected that to be finished first");
    await stage.end("C");
    expect(stage.log).toEqual(["a", "b", "C", "d"]);
    jobs.requireFree();
    await stage.end("d");
    await stage.end("E");
    expect(await Promise.all(all)).toEqual(["a", "b", "C", "d", "E"]);
  });

  it("goes on after work that fails", async () => {
    const jobs = new Jobs("engine");
    const failing = jobs.alone("job", turns, async () => {
      throw new Error("broken");
    });
    const next = jobs.alone("job", turns, async () => 1);
    await expect(failing).rejects.toThrow("broken");
    expect(await next).toBe(1);
  });

  it("ends waiting by a signal, and lets in who stood behind", async () => {
    const jobs = new Jobs("engine");
    const stage = new Stage();
    const controller = new AbortController();
    const first = jobs.shared(turns, stage.work("a"));
    const second = jobs.alone("job", new Turns(controller.signal), stage.work("B"));
    const third = jobs.shared(turns, stage.work("c"));
    await settled();
    expect(stage.log).toEqual(["a"]);
    controller.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    expect(stage.log).toEqual(["a", "c"]);
    await stage.end("a");
    await stage.end("c");
    expect(await Promise.all([first, third])).toEqual(["a", "c"]);
    const aborted = jobs.shared(new Turns(controller.signal), stage.work("d"));
    await expect(aborted).rejects.toThrow("enough");
    expect(stage.log).toEqual(["a", "c"]);
  });

  it("when closed refuses who waits and who comes, ends what runs, and frees only then", async () => {
    const jobs = new Jobs("session");
    const stage = new Stage();
    const running = jobs.alone("job", turns, stage.work("A"));
    const waiting = jobs.shared(turns, stage.work("b"));
    await settled();
    let freed = 0;
    const outcomes = Promise.allSettled([running, waiting]);
    jobs.close(() => freed++);
    await expect(jobs.shared(turns, stage.work("c"))).rejects.toThrow("session: found a call after disposal");
    await settled();
    expect(freed).toBe(0);
    await stage.end("A");
    expect(freed).toBe(1);
    expect(stage.log).toEqual(["A"]);
    for (const end of await outcomes) expect((end as PromiseRejectedResult).reason).toBeInstanceOf(UsageError);
    jobs.close(() => freed++);
    expect(freed).toBe(2);
  });
});

describe("Turns", () => {
  it("refuse a signal that is none", () => {
    for (const signal of [5, "x", null, {}]) {
      const make = () => new Turns(signal as unknown as AbortSignal);
      expect(make).toThrow(UsageError);
      expect(make).toThrow(/^signal: found .*, expected an AbortSignal/);
    }
  });
});
