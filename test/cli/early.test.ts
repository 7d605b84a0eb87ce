/** What is wrong with an option or an input is told first: here every model's weights are cut off, which is told last. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern, TINY_MODEL } from "./quern.ts";

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-early-"));
  cpSync(TINY_MODEL, at("cut"), { recursive: true });
  truncateSync(at("cut/model.safetensors"), readFileSync(at("cut/model.safetensors")).length - 1000);
  mkdirSync(at("there"));
  writeFileSync(at("there/config.json"), "{}");
  writeFileSync(at("there.json"), "{}");
  writeFileSync(at("text.txt"), "Once upon a time");
  mkdirSync(at("no-data"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** `@name` stands for a path in the test's folder. */
function run(args: readonly string[]) {
  const [command, ...rest] = args;
  return quern([command, at("cut"), ...rest.map((word) => (word.startsWith("@") ? at(word.slice(1)) : word))]);
}

describe("what is told before the model is opened", () => {
  it("is not told of the model with whole options", () => {
    expect(run(["perplexity", "--ids", "1,2,3", "--window", "2"]).stderr).toMatch(/FORMAT: .*model\.safetensors/);
  });

  it.each<[string[], string]>([
    [["perplexity", "--text", "@nope.txt"], "nope.txt: found no such file"],
    [["perplexity", "--ids-file", "@nope.json"], "nope.json: found no such file"],
    [["perplexity", "--ids", "1,x"], '--ids: found "x"'],
    [["perplexity"], "input: found 0 of them"],
    [["compare", "--reference", TINY_MODEL, "--text", "@nope.txt"], "nope.txt: found no such file"],
    [["compare", "--save-reference", "@ref.safetensors", "--text", "@nope.txt"], "nope.txt: found no such file"],
    [["generate", "--prompt", ""], "prompt: found no tokens"],
    [["generate", "--prompt", "a", "--stream"], "--stream: found no --json"],
    [["generate", "--prompt", "a", "--kernels", "reference"], "--kernels: found reference"],
    [["logits", "--ids-file", "@nope.json"], "nope.json: found no such file"],
    [["logits", "--ids", "1", "--output", "@there.json"], "expected a name that ends in .npy"],
    [["calibrate", "--text", "@nope.txt"], "nope.txt: found no such file"],
    [["calibrate", "--self", "--output", "@there.json"], "there.json: exists"],
    [["smooth", "--calibration", "@nope.txt", "--output", "@new"], "nope.txt: found no such file"],
    [["smooth", "--self", "--output", "@there"], "there: exists"],
    [["plan", "--policy", "unifrm:4"], 'policy: found "unifrm"'],
    [["plan", "--policy", "knapsack", "--self"], "policy knapsack: found no budget"],
    [["plan", "--policy", "knapsack", "--budget", "5MiB", "--self"], 'budget: found "5MiB"'],
    [["plan", "--policy", "knapsack", "--budget", "3", "--calibration", "@nope.txt"], "nope.txt: found no such file"],
    [["plan", "--policy", "uniform:4", "--budget", "3"], "--budget: found policy uniform:4, expected policy knapsack"],
    [["plan", "--policy", "uniform:4", "--group-size", "48"], "--group-size: found 48, expected a multiple of 32"],
    [["plan", "--policy", "uniform:4", "--symmetric", "--asymmetric"], "--symmetric: found --asymmetric beside it"],
    [["plan", "--policy", "uniform:4", "--output", "@there.json"], "there.json: exists"],
    [["quantize", "--self", "--bits", "5", "--output", "@new"], '--bits: found "5"'],
    [["quantize", "--self", "--self-temperature", "0", "--output", "@new"], '--self-temperature: found "0"'],
    [
      ["quantize", "--self-temperature", "1.2", "--calibration", "@there.json", "--output", "@new"],
      "expected --self with it",
    ],
    [["quantize", "--self", "--group-size", "48", "--output", "@new"], "--group-size: found 48"],
    [["quantize", "--self", "--policy", "unifrm:4", "--output", "@new"], 'policy: found "unifrm"'],
    [["quantize", "--self", "--plan", "@nope.json", "--output", "@new"], "nope.json: found no such file"],
    [["quantize", "--self", "--plan", "@there.json", "--output", "@new"], "there.json: "],
    [
      ["quantize", "--self", "--bits", "3", "--stats", "@s", "--output", "@new"],
      "--stats: found no --policy beside it",
    ],
    [["quantize", "--self", "--symmetric", "--asymmetric", "--output", "@new"], "--symmetric: found --asymmetric"],
    [["quantize", "--calibration", "@nope.txt", "--output", "@new"], "nope.txt: found no such file"],
    [["quantize", "--ids-file", "@nope.json", "--output", "@new"], "nope.json: found no such file"],
    [["quantize", "--self", "--output", "@there"], "there: exists"],
    [["evaluate", "--tasks", "coppa", "--data", "@there"], 'tasks: found "coppa"'],
    [["evaluate", "--tasks", "copa", "--data", "@nope"], "nope: found no such file or folder"],
    [["evaluate", "--tasks", "copa", "--data", "@no-data"], "found no copa/"],
    [["evaluate", "--tasks", "copa", "--data", "@there", "--baseline", "@nope.json"], "nope.json: found no such file"],
  ])("%j", (args, sentence) => {
    const { status, stderr, stdout } = run(args);
    expect(status).not.toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/^quern: [A-Z]+: [^\n]+\n$/);
  });
});

/** A whole model, of which only headers were read: loading is the first phase that is told. */
describe("what is told of a model before its weights are loaded", () => {
  it.each<[string[], string]>([
    [["generate", "--prompt", "a", "--context", "100000"], "context: found 100000, expected an integer from 1 to 512"],
    [["generate", "--ids", "1,60000"], "token id 1: found 60000"],
    [["generate", "--prompt", "Once upon a time", "--context", "2"], "prompt: found 4 tokens, expected at most"],
    [["logits", "--ids", "1,60000"], "token id 1: found 60000"],
    [["perplexity", "--text", "@text.txt", "--window", "5000"], "window: found 5000"],
    [["perplexity", "--text", "@text.txt"], "text: found 4 tokens, expected at least one window of 512"],
    [["perplexity", "--ids", "1,60000", "--window", "2"], "token id 1: found 60000"],
    [["compare", "--reference", "@nope", "--text", "@text.txt", "--window", "2"], "nope: found no such file or folder"],
    [["compare", "--reference", TINY_MODEL, "--text", "@text.txt"], "text: found 4 tokens"],
    [["calibrate", "--text", "@text.txt"], "calibration text: found 4 tokens, expected at least one window of 256"],
    [["calibrate", "--self", "--length", "5000"], "--length: found 5000"],
    [["quantize", "--self", "--group-size", "96", "--output", "@new"], "group size: found 96"],
    [["quantize", "--self", "--policy", "frequency:2@4", "--output", "@new"], "policy"],
    [["plan", "--policy", "knapsack", "--budget", "700kB", "--self"], "budget: found 700000 bytes, expected at least"],
    [["plan", "--policy", "knapsack", "--budget", "3", "--self", "--freeze", "nope@4"], '--freeze: found "nope@4"'],
    [["plan", "--policy", "knapsack", "--budget", "3", "--self", "--group-size", "96"], "group size: found 96"],
  ])("%j", (args, sentence) => {
    const [command, ...rest] = args;
    const words = rest.map((word) => (word.startsWith("@") ? at(word.slice(1)) : word));
    const { status, stderr } = quern([command, TINY_MODEL, ...words]);
    expect(status).not.toBe(0);
    expect(stderr).toContain(sentence);
    expect(stderr).not.toContain("load");
  });
});
