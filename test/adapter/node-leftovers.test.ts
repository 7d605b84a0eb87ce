import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { temporaryNames } from "../../src/adapter/node-leftovers.ts";
import { nodeOutput, nodeOutputFile } from "../../src/adapter/node-output.ts";

let root: string;
let path: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "quern-leftovers-"));
  path = join(root, "out");
  return () => rm(root, { recursive: true });
});

/** The number of a process that is gone. */
const ended = () => spawnSync(process.execPath, ["-e", ""]).pid;
const leave = async (name: string, content: string) => {
  await mkdir(join(root, name));
  await writeFile(join(root, name, "file"), content);
};

describe("what killed runs left beside an output", () => {
  it("goes with the next output of that name, and only of that", async () => {
    const dead = ended();
    await leave(`.out.${dead}-5-0123abcd.partial`, "half");
    await writeFile(join(root, `.out.${dead}-0-0123abcd.partial`), "half a file");
    const others = [`.out2.${dead}-5-0123abcd.partial`, `.out.${dead}-5-0123abcd.partial.txt`, ".out.0123abcd.partial"];
    for (const other of others) await leave(other, "somebody's");
    await (await nodeOutput(path)).commit();
    expect((await readdir(root)).sort()).toEqual([...others, "out"].sort());
  });

  it("stays while its process runs, this one or another", async () => {
    const own = basename(temporaryNames(path).partial);
    expect(own).toMatch(new RegExp(`^\\.out\\.${process.pid}-\\d+-[0-9a-f]{8}\\.partial$`));
    const parent = `.out.${process.ppid}-0-0123abcd.partial`;
    for (const name of [own, parent]) await leave(name, "at work");
    const [first, second] = [await nodeOutputFile(path), await nodeOutputFile(path)];
    await first.commit();
    await second.abort();
    expect((await readdir(root)).sort()).toEqual([own, parent, "out"].sort());
  });

  it.runIf(process.platform === "linux")("goes where another process has its number now", async () => {
    await leave(`.out.${process.pid}-1-0123abcd.partial`, "of an earlier process");
    await (await nodeOutput(path)).commit();
    expect(await readdir(root)).toEqual(["out"]);
  });

  it("comes back where it was an output about to be replaced", async () => {
    await leave(`.out.${ended()}-5-0123abcd.old`, "the only one");
    await expect(nodeOutput(path)).rejects.toThrow("exists, expected a new folder");
    expect(await readFile(join(path, "file"), "utf8")).toBe("the only one");
    await leave(`.out.${ended()}-5-0123abcd.old`, "replaced already");
    await expect(nodeOutput(path)).rejects.toThrow("exists, expected a new folder");
    expect(await readdir(root)).toEqual(["out"]);
    expect(await readFile(join(path, "file"), "utf8")).toBe("the only one");
  });
});
