/** Connects a `fetch` handler to a port of this machine. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { UsageError } from "../../base/errors.ts";

/** Milliseconds that clients have to read what is left of their answers while the program ends. */
const FLUSH_MS = 5000;
const LOOK_MS = 20;

export interface ListenOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

/** A port that is listened to. */
export interface Listening {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** No new connections are accepted from now on. */
  stop(): void;
  /** Resolves when all connections have ended, after some seconds at most. */
  ended(): Promise<void>;
}

/** @throws UsageError for an address that cannot be listened to. */
export async function listenOn(
  fetch: (request: Request) => Promise<Response>,
  { host, port }: ListenOptions,
): Promise<Listening> {
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false });
  const server = createServer((request, response) => void answer(request, response));
  await begin(server, { host, port });
  const closed = new Promise<void>((resolve) => server.once("close", resolve));
  const { address, port: own } = server.address() as AddressInfo;
  return {
    url: `http://${address.includes(":") ? `[${address}]` : address}:${own}`,
    stop: () => void server.close(),
    async ended() {
      // A connection is idle when its client has read the end of the answer.
      const looking = setInterval(() => server.closeIdleConnections(), LOOK_MS);
      const timer = setTimeout(() => server.closeAllConnections(), FLUSH_MS);
      await closed;
      clearInterval(looking);
      clearTimeout(timer);
    },
  };
}

function begin(server: Server, { host, port }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = ({ code, message }: NodeJS.ErrnoException) => {
      const where = code === "EADDRINUSE" || code === "EACCES" ? "--port" : "--host";
      const found = where === "--port" ? `${port} (${code})` : `${host} (${code ?? message})`;
      const expected = where === "--port" ? "a free port; 0 takes any" : "an address of this machine";
      reject(new UsageError(where, found, expected));
    };
    server.once("error", fail);
    server.listen({ host, port }, () => {
      server.off("error", fail);
      resolve();
    });
  });
}
