import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { quern, TINY_MODEL } from "./quern.ts";

describe("quern", () => {
  it("prints help with an example, for itself and for each command", () => {
    const help = quern(["--help"]);
    expect(help.status).toBe(0);
    expect(help.stderr).toBe("");
    expect(help.stdout).toContain("Usage: quern");
    expect(help.stdout).toContain("Example:");
    const names = [...help.stdout.matchAll(/^ {2}([a-z-]+) \[options\]/gm)].map((match) => match[1]);
    expect(names).toContain("tokenize");
    for (const name of names) {
      const run = quern([name, "--help"]);
      expect(run.status, name).toBe(0);
      expect(run.stdout, name).toMatch(new RegExp(`Example:\\n(?:  quern .*\\n)*  quern ${name} `));
      for (const option of ["--threads", "--activation-group", "--kernels", "--seed", "--json", "--quiet", "--force"])
        expect(run.stdout, name).toContain(option);
      expect(run.stdout, name).toMatch(/--seed <n>.*\(default: 0\)/);
    }
  });

  it("prints a command's help by its name too", () => {
    expect(quern(["help", "generate"])).toEqual(quern(["generate", "--help"]));
    expect(quern(["help"])).toEqual(quern(["--help"]));
  });

  it.each([
    ["no-such-folder", "FILE: no-such-folder: found no such file or folder"],
    [repositoryFile("README.md"), "README.md: found a file, expected a folder"],
    [repositoryFile("src"), "src/config.json: found no such file, expected a model folder in Hugging Face layout"],
  ])("says what MODEL %j is, and what it should be", (model, sentence) => {
    const { status, stderr } = quern(["generate", model, "--prompt", "a"]);
    expect(status).toBeGreaterThan(0);
    expect(stderr).toMatch(/^quern: [A-Z]+: [^\n]+\n$/);
    expect(stderr).toContain(sentence);
  });

  it("prints the package's version", () => {
    const { version } = JSON.parse(readFileSync(repositoryFile("package.json"), "utf8")) as { version: string };
    expect(quern(["--version"])).toEqual({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each([
    [["tokenize", "x", "--tex", "a"], "quern tokenize: found unknown option --tex, expected --text"],
    [["tokenise", "x"], "quern: found unknown command tokenise, expected tokenize"],
    [["tokenize"], "quern tokenize: found missing required argument model"],
    [["tokenize", "x", "y", "--text", "a"], "quern tokenize: found too many arguments"],
    [["tokenize", "x", "--text", "a", "--threads", "0"], '--threads: found "0", expected a whole number from 1'],
    [["tokenize", "x", "--text", "a", "--seed", "1.5"], '--seed: found "1.5", expected a whole number'],
    [["tokenize", "x", "--text", "a", "--kernels", "fast"], '--kernels: found "fast", expected one of auto, base'],
    [["tokenize", "x", "--text", "a", "--activations", "f16"], "expected one of f32, int16, int8"],
    [["tokenize", "x", "--text", "a", "--activation-group", "-1"], "expected one of 32, 64, weight"],
    [[], "quern: found no command, expected one of"],
    [["generate", "", "--prompt", "a"], "MODEL: found an empty name, expected a path"],
    [["quantize", "x", "--self", "--output", ""], "--output: found an empty name, expected a path"],
    [["help", "nope"], 'quern help: found "nope", expected '],
    [["help", "generat"], 'quern help: found "generat", expected generate, or another of demo, inspect'],
    [["help", "generate", "x"], "quern help: found too many arguments"],
    [
      ["--quiet", "inspect", "x"],
      "found unknown option --quiet, expected a command before its options, such as `quern",
    ],
    [["--vesion"], "found unknown option --vesion, expected --version"],
    [["generate", "x", "--max_tokens", "3"], "found unknown option --max_tokens, expected --max-tokens"],
    [["generate"], "missing required argument model, expected it, as in `quern generate MODEL`"],
    [["generate", "x", "Once", "upon"], "expected `quern generate MODEL`: text with spaces stands in quotes"],
    [["generate", "x", "--prompt"], "option --prompt <text> argument missing, expected a value after it"],
    [
      ["quantize", "x"],
      "option --output <dir> not specified, expected it, as in `quern quantize MODEL --output <dir>`",
    ],
    [["generate", "x", "--prompt", "a", "--ids", "1"], "prompt: found 2 of them, expected one of --prompt, --ids and"],
    [["generate", "x", "--ids", "1,x"], '--ids: found "x", expected token ids such as 1,2,3'],
    [
      ["generate", "x", "--prompt", "a", "--max-tokens", "0"],
      '--max-tokens: found "0", expected a whole number from 1',
    ],
    [["quantize", "x", "--bits", "5", "--output", "y"], '--bits: found "5", expected one of 2, 3, 4, 8'],
  ])("refuses %j with status 2 and one sentence", (args, sentence) => {
    const run = quern(args);
    expect(run.status).toBe(2);
    expect(run.stdout).toBe("");
    expect(run.stderr).toMatch(/^quern: USAGE: [^\n]+\n$/);
    expect(run.stderr).toContain(sentence);
  });

  it("prints the error as one JSON document too, with its fields", () => {
    const run = quern(["tokenize", TINY_MODEL, "--decode", "9999", "--json"]);
    expect(run.status).toBe(2);
    const { error } = JSON.parse(run.stdout) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: "USAGE", where: "ids", found: "id 9999" });
    expect(run.stderr).toBe(`quern: USAGE: ${String(error["message"])}\n`);
    const unknown = quern(["tokenize", TINY_MODEL, "--json", "--tex", "a"]);
    expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: "USAGE", where: "quern tokenize" } });
  });

  it("prints a stack trace only with --debug", () => {
    const args = ["tokenize", "no-such-folder", "--text", "a"];
    expect(quern(args).stderr.split("\n").length).toBe(2);
    expect(quern([...args, "--debug"]).stderr).toMatch(/FileError: no-such-folder: .*\n\s+at /);
  });

  it.skipIf(process.platform === "win32")("ends with status 130 on an interrupt", async () => {
    const main = repositoryFile("dist/cli/main.js");
    const child = spawn(process.execPath, [main, "tokenize", TINY_MODEL, "--file", "-", "--json"]);
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    // More than a pipe holds: once it is gone, the program is reading.
    await new Promise<void>((resolve) => child.stdin.write("a ".repeat(2 ** 20), () => resolve()));
    child.kill("SIGINT");
    const [status] = (await once(child, "close")) as [number];
    expect(status).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
  });
});
