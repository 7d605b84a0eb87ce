// Starts Redis and Postgres on free ports in a folder of their own. Debian's packages are installed where they are missing and apt may install them.
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PACKAGES = { redis: "redis-server", postgres: "postgresql" };
const POSTGRES = "/usr/lib/postgresql";

function has(name) {
  if (name === "redis") return spawnSync("redis-server", ["--version"], { stdio: "ignore" }).status === 0;
  return existsSync(POSTGRES) && readdirSync(POSTGRES).length > 0;
}

/** @returns the servers that are here now, of `redis` and `postgres`. */
export function installServers() {
  const missing = Object.keys(PACKAGES).filter((name) => !has(name));
  if (missing.length > 0) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (...args) => spawnSync("apt-get", args, { stdio: "ignore", timeout: 300_000, env });
    apt("update");
    apt("install", "-y", "--no-install-recommends", ...missing.map((name) => PACKAGES[name]));
  }
  return Object.keys(PACKAGES).filter(has);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Milliseconds that a server has to start, to stop or to answer. */
const ANSWER_MS = 60_000;

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Begins anew with nothing each time: what a queue's server forgets, the driver adds again. */
export async function startRedis(folder) {
  const port = await freePort();
  let child;
  const start = async () => {
    const args = ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder];
    child = spawn("redis-server", args.map(String), { stdio: "ignore" });
    const ping = () => spawnSync("redis-cli", ["-p", String(port), "ping"], { encoding: "utf8", timeout: ANSWER_MS });
    for (const begun = Date.now(); ping().stdout?.trim() !== "PONG"; await wait(50))
      if (Date.now() - begun > ANSWER_MS) throw new Error(`redis: no answer on port ${port} within ${ANSWER_MS} ms`);
  };
  const kill = () =>
    new Promise((resolve) => {
      child.once("exit", resolve);
      child.kill("SIGKILL");
    });
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    kill,
    wipe: () => execFileSync("redis-cli", ["-p", String(port), "flushall"], { stdio: "ignore", timeout: ANSWER_MS }),
    stop: kill,
  };
}

/** Postgres does not run as root: then it runs as the user that Debian's package makes. */
export async function startPostgres() {
  const port = await freePort();
  const bin = join(POSTGRES, readdirSync(POSTGRES).sort().at(-1), "bin");
  const isRoot = process.getuid() === 0;
  const data = mkdtempSync(join(tmpdir(), "quern-postgres-"));
  if (isRoot) execFileSync("chown", ["postgres", data]);
  const run = (program, ...args) => {
    const words = [join(bin, program), ...args];
    const [command, ...rest] = isRoot ? ["runuser", "-u", "postgres", "--", ...words] : words;
    return execFileSync(command, rest, { stdio: "ignore", cwd: data, timeout: ANSWER_MS });
  };
  run("initdb", "-D", data, "-A", "trust", "-U", "postgres");
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${data} -c fsync=off`;
  const start = async () => run("pg_ctl", "-D", data, "-o", options, "-l", join(data, "log"), "-w", "start");
  await start();
  const query = (sql) => run("psql", "-h", data, "-p", String(port), "-U", "postgres", "-c", sql);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    start,
    kill: async () => run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"),
    wipe: () =>
      query(
        "do $$ begin if to_regclass('quern_sweep.job') is not null then truncate quern_sweep.job cascade; end if; end $$",
      ),
    stop: async () => {
      run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop");
      rmSync(data, { recursive: true, force: true });
    },
  };
}
