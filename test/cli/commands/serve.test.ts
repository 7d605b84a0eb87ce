/** `quern serve` as a process: it tells its address, answers, and ends when it is asked to. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

/** A server on a free port. `status` resolves when it ends. */
async function serve(...options: readonly string[]) {
  const args = ["serve", TINY_MODEL, "--port", "0", "--json", ...options];
  const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args]);
  running.push(child);
  let notes = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    notes += text;
  });
  const status = once(child, "close").then(([code]) => code as number | null);
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { url, models } = JSON.parse(line) as { url: string; models: string[] };
  const post = (body: object, init: RequestInit = {}) =>
    fetch(`${url}/v1/completions`, { method: "POST", body: JSON.stringify(body), ...init });
  return { child, url, models, status, post, notes: () => notes };
}

/** Without an end-of-sequence id, up to the context. */
const LONG = { prompt: "Once upon a time", max_tokens: 500, seed: 1, ignore_eos: true };

describe("quern serve", () => {
  it("answers what `generate` prints, asks for its key, and sees that a client goes", async () => {
    const { child, url, models, status, post } = await serve("--api-key", "k", "--threads", "1");
    expect(models).toEqual(["fable-mixtral"]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await post(LONG)).status).toBe(401);
    const headers = { authorization: "Bearer k" };
    const body = {
      model: "fable-mixtral",
      prompt: "Once upon a time",
      max_tokens: 20,
      seed: 7,
      temperature: 0.8,
      top_p: 0.95,
    };
    const answer = (await (await post(body, { headers })).json()) as { choices: { text: string }[] };
    const args = [
      "generate",
      TINY_MODEL,
      "--prompt",
      "Once upon a time",
      "--max-tokens",
      "20",
      "--seed",
      "7",
      "--json",
    ];
    expect(answer.choices[0].text).toBe(JSON.parse(quern(args).stdout).text);

    const metrics = async () => (await fetch(`${url}/metrics`, { headers })).text();
    const until = async (found: string) => {
      while (!(await metrics()).includes(found)) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    for (const stream of [true, false]) {
      const left = new AbortController();
      const asked = post({ ...LONG, n: 8, stream }, { headers, signal: left.signal }).then((response) =>
        response.text(),
      );
      await until('requests_processing{model="fable-mixtral"} 8');
      left.abort();
      await expect(asked).rejects.toThrow();
      await until('requests_processing{model="fable-mixtral"} 0');
    }
    child.kill("SIGINT");
    expect(await status).toBe(0);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("lets answers end at %s, refuses new ones, and ends with 0", async (name) => {
    const { child, status, post, notes } = await serve("--threads", "1");
    const streaming = await post({ ...LONG, stream: true });
    child.kill(name);
    while (!notes().includes("waiting for the answers")) await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(post(LONG)).rejects.toThrow();
    const text = await streaming.text();
    expect(text).toContain('"finish_reason":"length"');
    expect(text.endsWith("data: [DONE]\n\n")).toBe(true);
    expect(await status).toBe(0);
  });

  it("says in an installed package, which has no room for the server, which package has it", () => {
    const folder = mkdtempSync(join(tmpdir(), "quern-packed-"));
    const isLeftOut = (path: string) => /chunks\/(?:server|listen)\.js$/.test(path);
    cpSync(repositoryFile("dist"), join(folder, "dist"), { recursive: true, filter: (path) => !isLeftOut(path) });
    cpSync(repositoryFile("package.json"), join(folder, "package.json"));
    symlinkSync(repositoryFile("node_modules"), join(folder, "node_modules"));
    const main = join(folder, "dist/cli/main.js");
    const { status, stderr } = spawnSync(process.execPath, [main, "serve", TINY_MODEL], { encoding: "utf8" });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^quern: USAGE: .*npm install quern-server/)]);
    rmSync(folder, { recursive: true });
  });

  it("refuses options, names and addresses that cannot be", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    const cases: readonly (readonly [args: readonly string[], says: string])[] = [
      [[TINY_MODEL, TINY_MODEL], "both named fable-mixtral"],
      [[TINY_MODEL, "--port", "70000"], "--port"],
      [[TINY_MODEL, "--parallel", "0"], "--parallel"],
      [[TINY_MODEL, "--memory", "12"], "--memory"],
      [[TINY_MODEL, "--memory", "1kB"], "cache memory"],
      [[TINY_MODEL, "--port", String(port)], "EADDRINUSE"],
    ];
    for (const [args, says] of cases) {
      const { status, stderr } = quern(["serve", ...args]);
      expect([status, stderr]).toEqual([2, expect.stringContaining(says)]);
    }
    expect(quern(["serve", "no-such-model"])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no-such-model"),
    });
    other.close();
  });
});
