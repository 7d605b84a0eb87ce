import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readFixture } from "../../helpers/safetensors.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-generate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hashOf = (data: ArrayBufferView) =>
  createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("hex");

describe("quern generate", () => {
  it("continues known ids as computed elsewhere, and hashes what it generated", () => {
    const expected = readFixture(`${TINY_MODEL}/expected.safetensors`);
    const ids = Array.from(expected.get("input_ids") as Int32Array, Number);
    const greedy = Array.from(expected.get("greedy") as Int32Array, Number);
    writeFileSync(join(folder, "ids.json"), JSON.stringify(ids));
    const prompt = ["generate", TINY_MODEL, "--ids-file", join(folder, "ids.json"), "--ignore-eos"];
    const run = quern([...prompt, "--temperature", "0", "--max-tokens", String(greedy.length), "--json"]);
    const document = JSON.parse(run.stdout) as { ids: number[]; hash: string };
    expect(document.ids).toEqual(greedy);
    expect(document.hash).toBe(hashOf(Int32Array.from(greedy)));
  });

  it("gives the same text within a limit of memory, and tells what it read", () => {
    const args = [
      "generate",
      "models/fable-mixtral",
      "--prompt",
      "Once upon",
      "--max-tokens",
      "12",
      "--seed",
      "3",
      "--json",
    ];
    const whole = JSON.parse(quern(args).stdout) as Record<string, unknown>;
    const run = JSON.parse(quern([...args, "--memory", "12MB"]).stdout) as Record<string, unknown>;
    expect([run["text"], run["hash"], whole["paging"]]).toEqual([whole["text"], whole["hash"], undefined]);
    const paging = run["paging"] as Record<string, number>;
    expect(paging["limitBytes"]).toBe(12e6);
    expect(paging["residentBytes"]).toBeLessThan(12e6);
    expect(paging["misses"]).toBeGreaterThan(0);
    const refused = quern([...args, "--memory", "2MB"]);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      expect.stringContaining("memory: found 2 MB, expected more than"),
    ]);
  });

  it("prints the text alone, or the ids of a model without a tokenizer", () => {
    const greedy = ["--max-tokens", "3", "--temperature", "0", "--ignore-eos", "--quiet"];
    expect(quern(["generate", TINY_MODEL, "--prompt", "Once upon", ...greedy]).stdout).toBe(" a time,\n");
    expect(quern(["generate", TINY_MODEL, "--ids", "0,430,410", ...greedy]).stdout).toMatch(/^[^,\d]+\n$/);
    const bare = repositoryFile("test/fixtures/gptq-checkpoints/mixtral-b4-g64");
    expect(quern(["generate", bare, "--ids", "1,2,3", ...greedy]).stdout).toMatch(/^\d+,\d+,\d+\n$/);
    expect(quern(["generate", bare, "--prompt", "a", ...greedy]).stderr).toContain(
      "tokenizer.json: found no such file",
    );
  });

  it("reads the prompt from stdin where it is -, exactly as it is there", () => {
    const greedy = ["--max-tokens", "3", "--temperature", "0", "--quiet"];
    const args = ["generate", TINY_MODEL, ...greedy, "--prompt"];
    expect(quern([...args, "-"], "Once upon")).toEqual(quern([...args, "Once upon"]));
    expect(quern([...args, "-"], "").stderr).toContain("prompt: found no tokens");
    const logits = (prompt: string, input?: string) =>
      quern(["logits", TINY_MODEL, "--prompt", prompt, "--quiet"], input).stdout;
    expect(logits("-", "Once upon")).toBe(logits("Once upon"));
  });

  it("tells how far the prompt is", () => {
    const ids = Array.from({ length: 300 }, (_, i) => i).join(",");
    expect(quern(["generate", TINY_MODEL, "--ids", ids, "--max-tokens", "1"]).stderr).toContain(
      "quern: prefill, 300 tokens\n",
    );
  });

  it("tells where fewer threads were granted than asked for, and how many run", () => {
    // A runtime that shares no memory, as a page without isolation.
    const env = { ...process.env, NODE_OPTIONS: "--import data:text/javascript,globalThis.crossOriginIsolated=false" };
    const args = ["generate", TINY_MODEL, "--prompt", "a", "--max-tokens", "1", "--threads", "2", "--json"];
    const run = spawnSync(process.execPath, [repositoryFile("dist/cli/main.js"), ...args], { encoding: "utf8", env });
    expect(run.stderr).toContain("quern: threads: found 2, runs on 1: memory cannot be shared here");
    expect(JSON.parse(run.stdout)).toMatchObject({ engine: { threads: 1 } });
  });

  it("ends before the first stop string", () => {
    const stops = ["--stop", " was", "--stop", " there"];
    const run = quern(["generate", TINY_MODEL, "--prompt", "Once upon", "--temperature", "0", "--json", ...stops]);
    expect(JSON.parse(run.stdout)).toMatchObject({ text: " a time,", stopReason: "stop" });
  });

  it.each([
    [["--top-p", "0"], '--top-p: found "0", expected a number above 0, to 1'],
    [["--min-p", "1"], '--min-p: found "1", expected a number from 0, below 1'],
    [["--temperature", "-1"], '--temperature: found "-1", expected a number from 0'],
    [["--repetition-penalty", "0"], '--repetition-penalty: found "0", expected a number above 0'],
    [["--stop", ""], "--stop: found an empty string, expected text that ends the generation"],
    [["--threads", "65"], '--threads: found "65", expected a whole number from 1 to 64'],
    [["--ids", "1,2"], "prompt: found 2 of them, expected one of --prompt, --ids and --ids-file"],
  ])("refuses %j before it loads the model", (options, sentence) => {
    const run = quern(["generate", TINY_MODEL, "--prompt", "a", ...options]);
    expect(run).toMatchObject({ status: 2, stdout: "" });
    expect(run.stderr).toMatch(/^quern: USAGE: [^\n]+\n$/);
    expect(run.stderr).toContain(sentence);
  });

  it.skipIf(process.platform === "win32")("ends with status 130 on an interrupt", async () => {
    const args = ["generate", TINY_MODEL, "--prompt", "Once upon a time", "--max-tokens", "500", "--ignore-eos"];
    const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdout.once("data", () => child.kill("SIGINT"));
    const [status] = (await once(child, "close")) as [number];
    expect(status).toBe(130);
    expect(stderr).toContain("quern: INTERRUPTED: ");
  });
});

describe("quern logits", () => {
  it("gives the logits computed elsewhere, their hash, and what led to them", () => {
    const expected = readFixture(`${TINY_MODEL}/expected.safetensors`);
    const ids = Array.from(expected.get("input_ids") as Int32Array, Number).join(",");
    const output = join(folder, "tapped.safetensors");
    const run = quern(["logits", TINY_MODEL, "--ids", ids, "--tap", "--output", output, "--json"]);
    const found = readFixture(output);
    expect(JSON.parse(run.stdout)).toMatchObject({ hash: hashOf(found.get("logits") as Float32Array), tokens: 64 });
    expect([...found.keys(), "input_ids", "greedy"].sort()).toEqual([...expected.keys()].sort());
    for (const [name, values] of found) {
      const wanted = expected.get(name) as Float32Array;
      if (name.endsWith(".experts")) expect(values, name).toEqual(wanted);
      const errors = Array.from(values as Float32Array, (value, i) => Math.abs(value - wanted[i]));
      expect(
        errors.filter((error) => !(error < 1e-4)),
        name,
      ).toEqual([]);
    }
  });

  it("wants exactly one prompt that is not empty", () => {
    expect(quern(["logits", TINY_MODEL]).stderr).toContain("found 0 of them, expected one of --prompt, --ids and");
    expect(quern(["logits", TINY_MODEL, "--ids", "1", "--prompt", "a"]).stderr).toContain("prompt: found 2 of them");
    for (const empty of [
      ["--ids", ""],
      ["--prompt", ""],
    ])
      expect(quern(["logits", TINY_MODEL, ...empty]).stderr).toContain("found no tokens, expected at least one");
  });
});
