import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import { Calls } from "../../src/wasm/calls.ts";
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
const reasonOf = (end: PromiseSettledResult<unknown>) => (end as PromiseRejectedResult).reason;

describe("Jobs", () => {
  it("run side by side, nested ones too, and go on after one that fails", async () => {
    const jobs = new Jobs("engine");
    const stage = new Stage();
    const failing = jobs.run(turns, async () => {
      throw new Error("broken");
    });
    const all = [
      jobs.run(turns, stage.work("a")),
      jobs.run(turns, (own) => jobs.run(own, stage.work("b"))),
      jobs.run(turns, stage.work("c")),
    ];
    await expect(failing).rejects.toThrow("broken");
    expect(stage.log).toEqual(["a", "b", "c"]);
    for (const name of ["c", "a", "b"]) await stage.end(name);
    expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
  });

  it("do not begin where the signal is aborted", async () => {
    const stage = new Stage();
    const aborted = new Turns(AbortSignal.abort(new Error("enough")));
    await expect(new Jobs("engine").run(aborted, stage.work("a"))).rejects.toThrow("enough");
    expect(stage.log).toEqual([]);
  });

  it("when closed refuse who comes, end what runs, and say when nothing runs any more", async () => {
    const jobs = new Jobs("engine");
    const stage = new Stage();
    const running = Promise.allSettled([jobs.run(turns, stage.work("a")), jobs.run(turns, stage.work("b"))]);
    let closed = 0;
    const closing = [jobs.close(), jobs.close()].map((ended) => ended.then(() => closed++));
    await expect(jobs.run(turns, stage.work("c"))).rejects.toThrow("engine: found a call after disposal");
    expect(() => jobs.check()).toThrow("engine: found a call after disposal, expected a live engine");
    await stage.end("a");
    expect(closed).toBe(0);
    await stage.end("b");
    await Promise.all(closing);
    expect(closed).toBe(2);
    expect(stage.log).toEqual(["a", "b"]);
    for (const end of await running) expect(reasonOf(end)).toBeInstanceOf(UsageError);
    await jobs.close();
  });
});

describe("Calls", () => {
  it("run one after the other, first come first served, also after one that fails", async () => {
    const calls = new Calls("session");
    const stage = new Stage();
    const first = calls.run("evaluate", turns, stage.work("a"));
    const failing = calls.run("evaluate", turns, async () => {
      throw new Error("broken");
    });
    const failed = expect(failing).rejects.toThrow("broken");
    const last = calls.run("evaluate", turns, stage.work("c"));
    expect(stage.log).toEqual(["a"]);
    expect(() => calls.requireFree()).toThrow("session: found a running call of evaluate, expected no running call");
    await stage.end("a");
    await failed;
    expect(stage.log).toEqual(["a", "c"]);
    await stage.end("c");
    expect(await Promise.all([first, last])).toEqual(["a", "c"]);
    calls.requireFree();
  });

  it("end their waiting by a signal", async () => {
    const calls = new Calls("session");
    const stage = new Stage();
    const controller = new AbortController();
    const first = calls.run("evaluate", turns, stage.work("a"));
    const second = calls.run("evaluate", new Turns(controller.signal), stage.work("b"));
    const third = calls.run("evaluate", turns, stage.work("c"));
    controller.abort(new Error("enough"));
    await expect(second).rejects.toThrow("enough");
    await stage.end("a");
    expect(stage.log).toEqual(["a", "c"]);
    await stage.end("c");
    expect(await Promise.all([first, third])).toEqual(["a", "c"]);
    await expect(calls.run("evaluate", new Turns(controller.signal), stage.work("d"))).rejects.toThrow("enough");
    expect(stage.log).toEqual(["a", "c"]);
  });

  it("when closed refuse who waits and who comes, end what runs, and free only then", async () => {
    const calls = new Calls("session");
    const stage = new Stage();
    const ends = Promise.allSettled([
      calls.run("evaluate", turns, stage.work("a")),
      calls.run("evaluate", turns, stage.work("b")),
    ]);
    let freed = 0;
    calls.close(() => freed++);
    await expect(calls.run("evaluate", turns, stage.work("c"))).rejects.toThrow("session: found a call after disposal");
    await settled();
    expect(freed).toBe(0);
    await stage.end("a");
    expect(freed).toBe(1);
    expect(stage.log).toEqual(["a"]);
    for (const end of await ends) expect(reasonOf(end)).toBeInstanceOf(UsageError);
    calls.close(() => freed++);
    expect(freed).toBe(2);
  });

  it("are jobs of the engine that they run on", async () => {
    const jobs = new Jobs("engine");
    const calls = new Calls("session", jobs);
    const stage = new Stage();
    const ends = Promise.allSettled([
      calls.run("evaluate", turns, stage.work("a")),
      calls.run("evaluate", turns, stage.work("b")),
    ]);
    let closed = false;
    const closing = jobs.close().then(() => {
      closed = true;
    });
    await settled();
    expect(closed).toBe(false);
    await stage.end("a");
    await closing;
    for (const end of await ends) expect(reasonOf(end).message).toMatch("engine: found a call after disposal");
    expect(stage.log).toEqual(["a"]);
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
