import { describe, expect, it } from "vitest";
import { SharedPlaces } from "../../../../../src/cli/sweep/spread/work/shared-places.ts";

/** The worker of a queue, and a job of it, that note what is done to them. */
function queueNamed(name: string, log: string[]) {
  const worker = {
    pause: async (doNotWait?: boolean) => void log.push(`${name} paused ${doNotWait}`),
    resume: async () => void log.push(`${name} resumed`),
  };
  const job = {
    moveToWait: async () => {
      log.push(`${name} put back`);
      return 1;
    },
  };
  return { worker, job, token: "t" };
}

describe("places of a worker that cells of several queues share", () => {
  it("hold no more jobs than there are; another is put back until one is free", async () => {
    const log: string[] = [];
    const [a, b] = [queueNamed("a", log), queueNamed("b", log)];
    const places = new SharedPlaces(1);
    let end = () => {};
    const running = places.run(
      () =>
        new Promise((resolve) => {
          end = resolve;
        }),
      a,
    );
    expect(places.idleSeconds).toBe(0);
    await expect(places.run(async () => void log.push("ran"), b)).rejects.toMatchObject({ name: "WaitingError" });
    expect(log).toEqual(["b paused true", "b put back"]);
    end();
    await running;
    expect(log.at(-1)).toBe("b resumed");
    await places.run(async () => void log.push("ran"), b);
    expect(log.at(-1)).toBe("ran");
  });

  it("are free again after a job that failed", async () => {
    const places = new SharedPlaces(1);
    const queue = queueNamed("a", []);
    await expect(places.run(() => Promise.reject(new Error("no")), queue)).rejects.toThrow("no");
    await expect(places.run(async () => {}, queue)).resolves.toBe(undefined);
  });
});
