/** `--metrics`: what a driver or a worker has done so far, in the text format of Prometheus. */
import { UsageError } from "../../../base/errors.ts";
import type { CommandSession } from "../../session/command-session.ts";

const KIND = "text/plain; version=0.0.4; charset=utf-8";
const ANY_PORT = 65_535;

/** Numbers that only a driver or only a worker knows are undefined for the other, and left out. */
export class SweepMetrics {
  done = 0;
  failed = 0;
  running = 0;
  waiting: number | undefined;
  /** Of the cells that are done. */
  seconds = 0;
  lostLeases: number | undefined;
  stalls: number | undefined;

  /** Counts a cell that this worker runs. One that is put back, or whose lease is lost, is neither done nor failed. */
  async count(run: () => Promise<void>, lease: AbortSignal | undefined): Promise<void> {
    const begun = performance.now();
    this.running++;
    try {
      await run();
      this.done++;
      this.seconds += (performance.now() - begun) / 1000;
    } catch (error) {
      if (lease?.aborted !== true && (error as Error).name !== "WaitingError") this.failed++;
      throw error;
    } finally {
      this.running--;
    }
  }

  toString(): string {
    const { done, failed, running, waiting } = this;
    const lines = ["# HELP quern_sweep_cells Cells by their state.", "# TYPE quern_sweep_cells gauge"];
    for (const [state, cells] of Object.entries({ done, failed, running, waiting }))
      if (cells !== undefined) lines.push(`quern_sweep_cells{state="${state}"} ${cells}`);
    const add = (name: string, help: string, value: number | undefined) =>
      value !== undefined && lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`, `${name} ${value}`);
    add("quern_sweep_cell_seconds_total", "Seconds that the cells took which are done.", this.seconds);
    add("quern_sweep_lost_leases_total", "Jobs that this worker lost to others.", this.lostLeases);
    add("quern_sweep_stalls_total", "Jobs that this worker found without theirs.", this.stalls);
    return `${lines.join("\n")}\n`;
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
    answer.writeHead(isKnown ? 200 : 404, { "content-type": KIND }).end(isKnown ? String(metrics) : "GET /metrics\n");
  });
  await new Promise<void>((resolve, reject) => {
    const refuse = ({ message }: Error) => reject(new UsageError("--metrics", message, "an address that is free here"));
    server.once("error", refuse).listen(port, host, resolve);
  });
  const { address, port: taken } = server.address() as { readonly address: string; readonly port: number };
  note(`metrics: http://${address.includes(":") ? `[${address}]` : address}:${taken}/metrics`);
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
