/** Looks at the server of a queue before the work begins: whether it answers, and whether it may forget jobs. */
import { setTimeout as wait } from "node:timers/promises";
import type { Redis } from "ioredis";
import { UsageError } from "../../../base/errors.ts";
import type { CommandSession } from "../../session/command-session.ts";

type ProbeSession = Pick<CommandSession, "note" | "signal">;

/** Milliseconds between two looks, and how long a server may be away, such as while it is restarted, or may recover. */
const LOOK_MS = 500;
const AWAY_MS = 10_000;
const RECOVERS_MS = 60_000;

/** Waits until the server answers. @throws UsageError if it does not. Notes settings under which jobs may be lost. */
export async function probeRedis(redis: Redis, where: string, session: ProbeSession): Promise<void> {
  const { note, signal } = session;
  let problem: unknown;
  redis.on("error", (error) => {
    problem = error;
  });
  // It connects again by itself until it is told not to.
  redis.connect().catch((error) => {
    problem = error;
  });
  for (const begun = Date.now(); redis.status !== "ready"; await wait(LOOK_MS / 10, undefined, { signal })) {
    if (Date.now() - begun < AWAY_MS) continue;
    redis.disconnect();
    throw new UsageError("--queue", `${where}: ${asError(problem).message}`, "a Redis or Valkey server that answers");
  }
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

/** Waits until a server that is restarted or recovers takes jobs: a worker that began earlier would never notice. @throws UsageError if it does not. */
export async function probePostgres(
  open: () => PostgresClient,
  where: string,
  { signal }: ProbeSession,
): Promise<void> {
  for (const begun = Date.now(); ; await wait(LOOK_MS, undefined, { signal })) {
    const problem = await problemOf(open());
    if (problem === undefined) return;
    const most = problem.message === RECOVERS ? RECOVERS_MS : AWAY_MS;
    if (Date.now() - begun > most)
      throw new UsageError("--queue", `${where}: ${problem.message}`, "a Postgres server that answers");
  }
}

const RECOVERS = "the server recovers, or is a copy that cannot be written to";

/** What keeps a server from taking jobs now. */
async function problemOf(client: PostgresClient): Promise<Error | undefined> {
  try {
    await client.connect();
    const { rows } = await client.query("select pg_is_in_recovery() as recovers");
    return rows[0]?.["recovers"] === true ? new Error(RECOVERS) : undefined;
  } catch (cause) {
    return asError(cause);
  } finally {
    await client.end().catch(() => {});
  }
}

function asError(error: unknown): Error {
  const { code, message } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  return new Error(message || code || "no answer");
}
