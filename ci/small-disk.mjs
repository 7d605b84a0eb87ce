// A disk of a few megabytes that can be filled: a tmpfs in a mount namespace of its own, which Linux gives to every user where namespaces of users are
// allowed. It is reached through /proc and goes with the process that holds it.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

const STEP = 1 << 16;

/** @returns undefined where there are no such namespaces. */
export async function smallDisk(folder, megabytes) {
  mkdirSync(folder, { recursive: true });
  const mount = `mount -t tmpfs -o size=${megabytes}m none "$0" && echo ready && exec sleep infinity`;
  const holder = spawn("unshare", ["-Urm", "sh", "-c", mount, folder], { stdio: ["ignore", "pipe", "ignore"] });
  const isReady = await new Promise((resolve) => {
    holder.stdout.once("data", () => resolve(true));
    holder.once("error", () => resolve(false));
    holder.once("exit", () => resolve(false));
  });
  if (!isReady) return undefined;
  const path = `/proc/${holder.pid}/root${folder}`;
  const filler = join(path, "filler");
  return {
    path,
    /** Takes all room that is left. */
    fill() {
      const file = openSync(filler, "w");
      try {
        for (let step = STEP; step >= 1; ) step = isWritten(file, step) ? step : step >> 1;
      } finally {
        closeSync(file);
      }
    },
    makeRoom: () => rmSync(filler),
    end: () => holder.kill("SIGKILL"),
  };
}

function isWritten(file, bytes) {
  try {
    writeSync(file, Buffer.alloc(bytes));
    return true;
  } catch (error) {
    if (error.code !== "ENOSPC") throw error;
    return false;
  }
}
