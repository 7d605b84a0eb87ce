/** `quern quantize --head --embedding`, and what `plan` and `inspect` say of both. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-outer-"));
  const windows = [Array.from({ length: 48 }, (_, i) => (i * 37) % 4096)];
  writeFileSync(at("ids.json"), JSON.stringify({ windows }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function json(...args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = quern([...args, "--json"]);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

interface Module {
  readonly name: string;
  readonly role: string;
  readonly bits: number;
  readonly method: string;
}

const outerOf = (modules: unknown) =>
  (modules as readonly Module[]).filter(({ name }) => name === "lm_head" || name === "model.embed_tokens");

describe("head and embedding on the command line", () => {
  it("are quantised, told, counted by plan and shown by inspect", () => {
    const made = json(
      ...["quantize", TINY_MODEL, "--ids-file", at("ids.json"), "--clip", "none", "--head", "4", "--embedding", "8"],
      ...["--policy", "uniform:4", "--output", at("own")],
    );
    expect(outerOf(made["modules"])).toMatchObject([
      { name: "model.embed_tokens", bits: 8, method: "rtn", loss: null },
      { name: "lm_head", bits: 4, method: "gptq", tokens: 48 },
    ]);
    expect(made["averageBits"]).toBe(4);
    const plan = json("plan", TINY_MODEL, "--policy", "uniform:4", "--head", "4", "--embedding", "8");
    expect(plan["trueBytes"]).toBe(made["trueBytes"]);
    const policy = json("plan", TINY_MODEL, "--policy", "base:4,head:4,embedding:8", "--output", at("plan.json"));
    expect(policy).toMatchObject({ trueBytes: made["trueBytes"], averageBits: 4 });
    expect(policy["resolved"]).toMatchObject({ lm_head: 4, "model.embed_tokens": 8 });
    const facts = json("inspect", at("own"));
    expect(outerOf(facts["modules"])).toMatchObject([
      { role: "embedding", bits: 8, groupSize: 64 },
      { role: "head", bits: 4, groupSize: 64 },
    ]);
    expect(json("logits", at("own"), "--ids", "1,2,3", "--output", at("logits.npy"))["vocab"]).toBe(4096);
  });

  it("follow a plan's file, and the portable profile takes a head only", () => {
    const rounded = ["quantize", TINY_MODEL, "--method", "rtn", "--clip", "none"];
    const planned = json(...rounded, "--plan", at("plan.json"), "--output", at("planned"));
    expect(outerOf(planned["modules"])).toMatchObject([{ bits: 8 }, { bits: 4 }]);
    json(...rounded, "--profile", "portable", "--head", "8", "--output", at("portable"));
    const settings = JSON.parse(readFileSync(at("portable/quantize_config.json"), "utf8")) as Record<string, object>;
    expect(settings).toMatchObject({ lm_head: true, dynamic: { lm_head: { bits: 8, group_size: 64 } } });
    const refused = quern([...rounded, "--profile", "portable", "--embedding", "8", "--output", at("none")]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toContain("--embedding: found 8 in the portable profile");
    expect(quern([...rounded, "--head", "3", "--output", at("none")]).status).toBe(2);
  });

  it("count in a budget of bytes", () => {
    const knapsack = [
      "plan",
      TINY_MODEL,
      "--policy",
      "knapsack",
      "--ids-file",
      at("ids.json"),
      "--sample-tokens",
      "16",
    ];
    const document = json(...knapsack, "--budget", "5MB", "--head", "8", "--embedding", "8");
    expect(document["trueBytes"]).toBeLessThanOrEqual(5_000_000);
    expect(document["trueBytes"]).toBeGreaterThan(4_900_000);
    const chosen = json(...knapsack, "--budget", "5MB", "--head", "auto", "--embedding", "auto");
    expect(chosen["trueBytes"]).toBeLessThanOrEqual(5_000_000);
    expect(Object.keys(chosen["resolved"] as object)).toEqual(
      expect.arrayContaining(["lm_head", "model.embed_tokens"]),
    );
    expect(quern([...knapsack, "--budget", "3.0", "--head", "auto"]).status).toBe(2);
  });
});
