// A control group of Linux that limits the memory of the processes in it, with the pages of files that they bring into memory.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where groups are, and the names of their files, in both versions of the interface. */
const VERSIONS = [
  {
    root: "/sys/fs/cgroup/memory",
    ...{ limit: "memory.limit_in_bytes", peak: "memory.max_usage_in_bytes", event: /^oom_kill (\d+)/m },
    events: "memory.oom_control",
  },
  {
    root: "/sys/fs/cgroup",
    ...{ limit: "memory.max", peak: "memory.peak", event: /^oom_kill (\d+)/m },
    events: "memory.events",
  },
];

/** A process that was just ended leaves its group a moment later. */
function removeGroup(path) {
  for (let tries = 100; ; tries--) {
    try {
      return rmdirSync(path);
    } catch (error) {
      if (error.code !== "EBUSY" || tries === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
    }
  }
}

/** @returns { wrap, facts(), remove() }: `wrap` is a command that runs the command after it within the group. Needs root. */
export function makeMemoryGroup(limitBytes) {
  const version = VERSIONS.find(({ root }) => existsSync(join(root, "cgroup.procs")));
  if (version === undefined) throw new Error("memory groups: found none under /sys/fs/cgroup, expected a mounted one");
  const path = join(version.root, `quern-peers-${process.pid}`);
  const file = (name) => join(path, name);
  if (!existsSync(path)) mkdirSync(path);
  if (!existsSync(file(version.limit))) {
    rmdirSync(path);
    throw new Error(`memory groups: found no ${version.limit} in a new group, expected the memory controller`);
  }
  writeFileSync(file(version.limit), String(limitBytes));
  return {
    wrap: ["sh", "-c", `echo $$ > ${file("cgroup.procs")} && exec "$@"`, "sh"],
    /** The most memory that the group had, and how many of its processes were ended for want of memory. */
    facts: () => ({
      peak: existsSync(file(version.peak)) ? Number(readFileSync(file(version.peak), "utf8")) : undefined,
      killed: Number(version.event.exec(readFileSync(file(version.events), "utf8"))?.[1] ?? 0),
    }),
    remove: () => removeGroup(path),
  };
}
