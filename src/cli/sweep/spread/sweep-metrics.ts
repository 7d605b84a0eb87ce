/** `--metrics`: what a driver or a worker has done so far, in the text format of Prometheus. */
import { UsageError } from "../../../base/errors.ts";
import type { CommandSession } from "../../session/command-session.ts";

const KIND = "text/plain; version=0.0.4; charset=utf-8";
const ANY_PORT = 65_535;

/** Numbers that only a driver or only a worker knows are undefined for the other, and left out. */
export class SweepMetrics {
  readonly cells: Record<"done" | "failed" | "running", number> & { waiting?: number } = {
    ...{ done: 0, failed: 0, running: 0 },
  };
  /** Of the cells that are done. */
  seconds = 0;
  lostLeases: number | undefined;
  stalls: number | undefined;

  /** Counts a cell that this worker runs. One that is put back, or whose lease is lost, is neither done nor failed. */
  async count(run: () => Promise<void>, lease: AbortSignal | undefined): Promise<void> {
    const begun = performance.now();
    this.cells.running++;
    try {
      await run();
      this.cells.done++;
      this.seconds += (performance.now() - begun) / 1000;
    } catch (error) {
      if (lease?.aborted !== true && (error as Error).name !== "WaitingError") this.cells.failed++;
      throw error;
    } finally {
      this.cells.running--;
    }
  }

  toString(): string {
    const states = Object.entries(this.cells).map(([state, cells]) => [`{state="${state}"}`, cells] as const);
    const metrics = [
      ["cells", "gauge", states],
      ["cell_seconds_total", "counter", [["", this.seconds]]],
      ["lost_leases_total", "counter", [["", this.lostLeases]]],
      ["stalls_total", "counter", [["", this.stalls]]],
    ] as const;
    let text = "";
    for (const [name, kind, samples] of metrics) {
      text += `# TYPE quern_sweep_${name} ${kind}\n`;
      for (const [labels, value] of samples) if (value !== undefined) text += `quern_sweep_${name}${labels} ${value}\n`;
    }
    return text;
  }
}

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `9100` or `0.0.0.0:9100`. */
export function metricsAddress(text: string): MetricsAddress {
  const [, host = "127.0.0.1", port] = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(text) ?? [];
  if (port !== undefined && Number(port) <= ANY_PORT) return { host, port: Number(port) };
  throw new UsageError("--metrics", JSON.stringify(text), "PORT or HOST:PORT");
}

/** Answers `GET /metrics` until it is disposed of, and tells where. @throws UsageError for an address that cannot be listened to. */
export async function serveMetrics(
  { note }: Pick<CommandSession, "note">,
  metrics: SweepMetrics,
  { host, port }: MetricsAddress,
): Promise<AsyncDisposable> {
  const { createServer } = await import("node:http");
  const server = createServer(({ url }, answer) => {
    const isKnown = url === "/metrics";
    answer.writeHead(isKnown ? 200 : 404, { "content-type": KIND }).end(isKnown ? String(metrics) : "");
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = ({ message }: Error) => reject(new UsageError("--metrics", message, "an address that is free here"));
    server.once("error", refuse).listen(port, host, resolve);
  });
  const { port: taken } = server.address() as { readonly port: number };
  note(`metrics: http://${host.includes(":") ? `[${host}]` : host}:${taken}/metrics`);
  return {
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections();
    },
  };
}
