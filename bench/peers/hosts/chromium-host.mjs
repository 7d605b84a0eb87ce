// Starts an engine in a page of a headless Chromium of its own, pinned to one core, and passes orders to it.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPageServer } from "./page-server.mjs";
import { peakMemory, pinned } from "./process-host.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-extensions"],
];

/** The command of the browser that is installed, or undefined. */
export function findChromium() {
  const names = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"].filter((name) => name);
  return names.find((name) => spawnSync(name, ["--version"]).status === 0);
}

export const chromiumVersion = (command) => spawnSync(command, ["--version"], { encoding: "utf8" }).stdout.trim();

/** The largest peak among the processes that run pages of a browser with this profile. */
function peakOfPages(profile) {
  const peaks = readdirSync("/proc").map((pid) => {
    try {
      const command = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
      return command.includes("--type=renderer") && command.includes(profile) ? peakMemory(pid) : 0;
    } catch {
      return 0; // a process that has just ended
    }
  });
  return Math.max(...peaks);
}

/** Ends the browsers that still run when the bench is ended early. */
const browsers = new Set();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.on("exit", () => {
  for (const { pid } of browsers) process.kill(-pid);
});

/** @returns a host like that of process-host.mjs, of a page that runs engines/NAME.mjs. */
export async function startChromium({ command, engine, cores, dist = join(ROOT, "dist") }) {
  const files = { peers: join(ROOT, "bench/peers"), dist, modules: join(ROOT, "node_modules") };
  const server = await startPageServer(ROOT, files);
  const profile = mkdtempSync(join(tmpdir(), "quern-peers-"));
  const page = `${server.origin}/?engine=${engine}`;
  const [program, ...args] = pinned([command, ...FLAGS, `--user-data-dir=${profile}`, page], cores);
  const browser = spawn(program, args, { stdio: "ignore", detached: true });
  browsers.add(browser);
  browser.on("exit", () => browsers.delete(browser));
  const exited = new Promise((resolve) => browser.on("exit", resolve));
  browser.on("exit", (status) => server.orders.fail(`Chromium ended with ${status}`));
  return {
    order: (order) => server.orders.order(order),
    /** How the page names a file of this machine. */
    address: (file) => server.serve(file),
    peak: () => peakOfPages(profile),
    async close() {
      process.kill(-browser.pid);
      await exited;
      server.close();
      rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
