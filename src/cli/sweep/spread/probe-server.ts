/** Looks at the server of a queue before the work begins: whether it answers, and whether it may forget jobs. */
import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import { UsageError } from "../../../base/errors.ts";

/** Milliseconds between two looks at a Postgres server that recovers, and the most that it may take. */
const LOOK_MS = 500;
const MOST_MS = 60_000;

/** Connects. @throws UsageError if nothing answers. Notes settings under which jobs may be lost. */
export async function probeRedis(redis: Redis, where: string, note: (message: string) => void): Promise<void> {
  const problem = new Promise<Error>((resolve) => {
    redis.once("error", resolve);
  });
  const error = await Promise.race([redis.connect().then(() => undefined, asError), problem]);
  if (error !== undefined) {
    redis.disconnect();
    throw new UsageError("--queue", `${where}: ${error.message}`, "a Redis or Valkey server that answers");
  }
  redis.on("error", () => {});
  const setting = async (name: string) => {
    // Servers of others may not show their settings.
    const found = (await redis.config("GET", name).catch(() => [])) as unknown as readonly string[];
    return found[1];
  };
  const policy = await setting("maxmemory-policy");
  if (policy !== undefined && policy !== "noeviction")
    note(`${where}: maxmemory-policy is ${policy}, so jobs may be thrown away; set it to noeviction`);
  const [appends, sync] = [await setting("appendonly"), await setting("appendfsync")];
  const lost = appends === "no" ? "all jobs" : appends === "yes" && sync !== "always" ? "the last jobs" : undefined;
  if (lost !== undefined)
    note(
      `${where}: appendonly is ${appends} and appendfsync ${sync}, so a crash of the server forgets ${lost}; the driver adds those again whose results are missing`,
    );
}

/** What is used of a client of the package `pg`. */
interface PostgresClient {
  connect(): Promise<unknown>;
  query(sql: string): Promise<{ readonly rows: readonly Readonly<Record<string, unknown>>[] }>;
  end(): Promise<void>;
}

/** Waits until a server that recovers takes jobs: a worker that began earlier would never notice. @throws UsageError if nothing answers. */
export async function probePostgres(client: PostgresClient, where: string, signal: AbortSignal): Promise<void> {
  try {
    await client.connect();
    for (const begun = Date.now(); ; await wait(LOOK_MS, undefined, { signal })) {
      const { rows } = await client.query("select pg_is_in_recovery() as recovers");
      if (rows[0]?.["recovers"] !== true) break;
      if (Date.now() - begun > MOST_MS)
        throw new Error("the server is still recovering, or is a copy that cannot be written to");
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new UsageError("--queue", `${where}: ${asError(cause).message}`, "a Postgres server that answers");
  } finally {
    await client.end().catch(() => {});
  }
}

function asError(error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  return new Error(message || code || String(error));
}
