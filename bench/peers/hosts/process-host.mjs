// Starts an engine in a Node process of its own, pinned to one core, and passes orders to it.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const AGENT = fileURLToPath(new URL("agent-process.mjs", import.meta.url));
const HAS_TASKSET = spawnSync("taskset", ["--version"]).status === 0;

/** The command that runs `command` on the given cores ("1", "0,1"); undefined leaves it where it is. */
export function pinned(command, cores) {
  return HAS_TASKSET && cores !== undefined ? ["taskset", "-c", String(cores), ...command] : command;
}

/** Peak resident memory of a process in bytes, pages of mapped files included. */
export const peakMemory = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;

/**
 * @returns { order(call), address(file), peak(), close(), pid } of a new process that runs `engine`, a module of this folder. `wrap` is a
 * command that runs the command that follows it in its own place.
 */
export function startProcess({ node, engine, cores, env = {}, wrap = [] }) {
  const own = [node, AGENT, fileURLToPath(new URL(`../${engine}`, import.meta.url))];
  const [command, ...args] = [...wrap, ...pinned(own, cores)];
  const stdio = ["ignore", "ignore", "pipe", "ipc"];
  const child = spawn(command, args, { stdio, serialization: "advanced", env: { ...process.env, ...env } });
  const waiting = new Map();
  let said = "";
  let count = 0;
  child.stderr.on("data", (text) => {
    said = (said + text).slice(-4000);
  });
  child.on("message", ({ number, value, error }) => {
    const { resolve, reject } = waiting.get(number);
    waiting.delete(number);
    if (error === undefined) resolve(value);
    else reject(new Error(`${engine}: ${error}`));
  });
  const exited = new Promise((resolve) => child.on("exit", resolve));
  child.on("exit", (status) => {
    for (const { reject } of waiting.values()) reject(new Error(`${engine} ended with ${status}: ${said}`));
  });
  return {
    pid: child.pid,
    order(order) {
      return new Promise((resolve, reject) => {
        waiting.set(count, { resolve, reject });
        child.send({ number: count++, order });
      });
    },
    /** How the process names a file of this machine. */
    address: (file) => file,
    peak: () => peakMemory(child.pid),
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
