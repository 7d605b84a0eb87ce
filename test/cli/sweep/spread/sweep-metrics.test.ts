import { describe, expect, it } from "vitest";
import { metricsAddress, SweepMetrics, serveMetrics } from "../../../../src/cli/sweep/spread/sweep-metrics.ts";

/** Samples of a text by name and labels. */
function samplesOf(text: string): Record<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => line.split(" ")).map(([name, value]) => [name, Number(value)]));
}

describe("metrics of a sweep over many machines", () => {
  it("are those of a worker: its cells, their seconds, lost leases and stalls", async () => {
    const metrics = new SweepMetrics();
    [metrics.lostLeases, metrics.stalls] = [0, 2];
    let during = "";
    await metrics.count(async () => {
      during = String(metrics);
    }, undefined);
    const fails = async (error: Error, lease?: AbortSignal) =>
      expect(metrics.count(() => Promise.reject(error), lease)).rejects.toBe(error);
    await fails(new Error("no memory"));
    await fails(Object.assign(new Error("put back"), { name: "WaitingError" }));
    await fails(new Error("the lease is lost"), AbortSignal.abort());
    expect(samplesOf(during)['quern_sweep_cells{state="running"}']).toBe(1);
    const { quern_sweep_cell_seconds_total: seconds, ...others } = samplesOf(String(metrics));
    expect(seconds).toBeGreaterThan(0);
    expect(others).toEqual({
      'quern_sweep_cells{state="done"}': 1,
      'quern_sweep_cells{state="failed"}': 1,
      'quern_sweep_cells{state="running"}': 0,
      quern_sweep_lost_leases_total: 0,
      quern_sweep_stalls_total: 2,
    });
  });

  it("are those of a driver: cells that wait, and no leases", () => {
    const metrics = new SweepMetrics();
    metrics.cells.waiting = 5;
    expect(samplesOf(String(metrics))).toEqual({
      'quern_sweep_cells{state="done"}': 0,
      'quern_sweep_cells{state="failed"}': 0,
      'quern_sweep_cells{state="running"}': 0,
      'quern_sweep_cells{state="waiting"}': 5,
      quern_sweep_cell_seconds_total: 0,
    });
  });

  it("have their kind before them", () => {
    const metrics = new SweepMetrics();
    [metrics.lostLeases, metrics.stalls] = [0, 0];
    const text = String(metrics);
    for (const name of Object.keys(samplesOf(text)).map((sample) => sample.split("{")[0]))
      expect(text).toMatch(new RegExp(`# TYPE ${name} (gauge|counter)\\n${name}[ {]`));
  });

  it("are answered at /metrics alone, at an address that the note tells", async () => {
    const metrics = new SweepMetrics();
    const notes: string[] = [];
    const session = { note: (message: string) => void notes.push(message) };
    let url = "";
    {
      await using _serving = await serveMetrics(session, metrics, metricsAddress("0"));
      url = notes[0].replace("metrics: ", "");
      metrics.cells.done = 3;
      const answer = await fetch(url);
      expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(samplesOf(await answer.text())['quern_sweep_cells{state="done"}']).toBe(3);
      expect((await fetch(url.replace("/metrics", "/"))).status).toBe(404);
      const port = url.replace(/^.*:(\d+)\/metrics$/, "$1");
      await expect(serveMetrics(session, metrics, metricsAddress(port))).rejects.toThrow(
        "expected an address that is free",
      );
    }
    await expect(fetch(url)).rejects.toThrow();
  });

  it("read an address", () => {
    expect(metricsAddress("9100")).toEqual({ host: "127.0.0.1", port: 9100 });
    expect(metricsAddress("0.0.0.0:9100")).toEqual({ host: "0.0.0.0", port: 9100 });
    expect(metricsAddress("[::1]:9100")).toEqual({ host: "::1", port: 9100 });
    for (const text of ["", "x", "70000", "host:", "9100/metrics"])
      expect(() => metricsAddress(text)).toThrow(
        `--metrics: found ${JSON.stringify(text)}, expected PORT or HOST:PORT`,
      );
  });
});
