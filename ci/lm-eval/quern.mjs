// Quern as a program: its server, and what its own commands find.
import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const QUERN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** The JSON document of a command. */
export async function quern(...args) {
  const { stdout } = await execute(process.execPath, [QUERN, ...args, "--json", "--quiet"], { maxBuffer: 2 ** 28 });
  return JSON.parse(stdout);
}

/** Serves a model on a free port. `context` is the longest prompt; `stop` gives the exit status. */
export async function startServer(model, key) {
  const args = [QUERN, "serve", model, "--port", "0", "--json", "--quiet"];
  if (key !== undefined) args.push("--api-key", key);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((done) => child.once("exit", done));
  const line = await new Promise((done, fail) => {
    createInterface(child.stdout).once("line", done);
    ended.then((code) => fail(new Error(`the server of ${model} ended with ${code}`)));
  });
  const { url } = JSON.parse(line);
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  const { n_ctx: context } = await (
    await fetch(`${url}/props`, { headers: { authorization: `Bearer ${key}` } })
  ).json();
  return { url, context, stop };
}
