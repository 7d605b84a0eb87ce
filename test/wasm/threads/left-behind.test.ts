/** No thread stays when a machine is disposed or forgotten. Threads are counted in a process of their own, where nothing else starts any. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";

/** Linux lists a process's threads here. Deno and Bun, and other systems, have no list that a program can read. */
const TASKS = "/proc/self/task";

function countsOf(program: string): number[] {
  const source = `
    import { readdirSync } from "node:fs";
    import { createMachine } from ${JSON.stringify(repositoryFile("dist/web.js"))};
    const counts = [];
    const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));
    const count = () => counts.push(readdirSync("${TASKS}").length);
    const until = async (least) => {
      for (let round = 0; round < 200 && readdirSync("${TASKS}").length > least; round++) {
        globalThis.gc();
        await pause(20);
      }
      count();
    };
    await (await createMachine({ threads: 2 }))[Symbol.asyncDispose](); // starts what Node itself keeps
    await pause(50);
    count();
    ${program}
    console.log(JSON.stringify(counts));`;
  const args = ["--expose-gc", "--input-type=module", "-e", source];
  return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8", timeout: 60_000 })) as number[];
}

describe.runIf(existsSync(TASKS) && process.versions["bun"] === undefined)("helper threads", () => {
  it("end with dispose", () => {
    const [before, during, after] = countsOf(`
      const machine = await createMachine({ threads: 4 });
      count();
      await machine[Symbol.asyncDispose]();
      await until(counts[0]);`);
    expect(during).toBeGreaterThanOrEqual(before + 3);
    expect(after).toBeLessThanOrEqual(before);
  });

  it("end when their machine is forgotten, and keep no process alive meanwhile", () => {
    const [before, during, after] = countsOf(`
      await (async () => { await createMachine({ threads: 4 }); count(); })();
      await until(counts[0]);
      globalThis.kept = await createMachine({ threads: 3 });`);
    expect(during).toBeGreaterThanOrEqual(before + 3);
    expect(after).toBeLessThanOrEqual(before);
  });
});
