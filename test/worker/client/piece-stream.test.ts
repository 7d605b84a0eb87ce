import { describe, expect, it } from "vitest";
import { streamed } from "../../../src/worker/client/piece-stream.ts";

const later = (ms = 1) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("streamed", () => {
  it("yields what is told in order, then returns the whole", async () => {
    const stream = streamed<number, string>(async (tell) => {
      tell([1, 2]);
      await later();
      tell([3]);
      return "whole";
    }, undefined);
    const found: unknown[] = [];
    let step = await stream.next();
    for (; !step.done; step = await stream.next()) found.push(step.value);
    expect([...found, step.value]).toEqual([1, 2, 3, "whole"]);
  });

  it("yields what came before an error", async () => {
    const found: number[] = [];
    const stream = streamed<number, string>(async (tell) => {
      tell([1]);
      throw new Error("broken");
    }, undefined);
    const all = (async () => {
      for await (const piece of stream) found.push(piece);
    })();
    await expect(all).rejects.toThrow("broken");
    expect(found).toEqual([1]);
  });

  it("ends the run when the caller leaves, and when the signal does", async () => {
    const reasons: unknown[] = [];
    const endless = async (tell: (pieces: readonly number[]) => void, signal: AbortSignal): Promise<string> => {
      while (!signal.aborted) {
        tell([1]);
        await later();
      }
      reasons.push((signal.reason as Error).name);
      throw signal.reason;
    };
    for await (const _ of streamed(endless, undefined)) break;
    const controller = new AbortController();
    const stream = streamed(endless, controller.signal);
    await stream.next();
    controller.abort(new RangeError("enough"));
    await expect(
      (async () => {
        for await (const _ of stream);
      })(),
    ).rejects.toThrow("enough");
    await later(5);
    expect(reasons).toEqual(["AbortError", "RangeError"]);
  });
});
