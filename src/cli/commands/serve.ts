/** `quern serve`: an HTTP server of models, with the endpoints of the OpenAI API. */
import { basename } from "node:path";
import type { Command } from "commander";
import { UsageError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import { memoryBytes } from "../../files/byte-size.ts";
import { exampleText, integerIn, MODEL_SOURCES } from "../options/common-options.ts";
import type { Action, CommandSession, RunCommand } from "../session/command-session.ts";
import { explainMissing } from "../session/optional-package.ts";

interface Options {
  readonly port: number;
  readonly host: string;
  readonly apiKey?: string;
  readonly parallel: number;
  readonly queue: number;
  readonly memory?: string;
}

const EXAMPLE = `quern serve models/fable-mixtral --port 8080 --parallel 4
  curl http://127.0.0.1:8080/v1/completions -d '{"prompt": "Once upon a time", "max_tokens": 32, "seed": 7}'`;

const PACKAGE = "quern-server";

export function registerServe(program: Command, run: RunCommand): void {
  program
    .command("serve")
    .description(
      "Answer HTTP requests of the OpenAI API. An answer has the same bits whatever else is asked meanwhile.",
    )
    .argument("<models...>", MODEL_SOURCES)
    .option("--port <n>", "port to listen to; 0 takes a free one", integerIn("--port", 0, 65535), 8080)
    .option("--host <address>", "address to listen to; 0.0.0.0 for other machines too", "127.0.0.1")
    .option("--api-key <key>", "key that clients must send (default: none is asked for)")
    .option("--parallel <n>", "texts of a model that are computed together", integerIn("--parallel", 1, 128), 8)
    .option("--queue <n>", "requests that may wait beyond these", integerIn("--queue", 0, 1_000_000), 64)
    .option("--memory <size>", "most memory for keys and values of a model's texts, such as 2GB (default: 537MB)")
    .addHelpText("after", exampleText(EXAMPLE))
    .action(run(serveCommand));
}

const serveCommand: Action<Options> = async (session, args, options) => {
  const names = modelNames(args.flat());
  const cacheBytes = options.memory === undefined ? undefined : memoryBytes(options.memory, "--memory");
  const { createServer, listenOn } = await serverParts();
  const { openModel } = await import("../input/open-model.ts");
  const models = Object.fromEntries([...names].map(([name, path]) => [name, () => openModel(session, path)]));
  const { apiKey, parallel, queue, host, port } = options;
  const server = createServer({ models, apiKey, parallel, queue, cacheBytes, context: session.options.context });
  const stopped = stopOf(session);
  try {
    await Promise.race([server.ready(), stopped]);
    session.signal.throwIfAborted();
    session.rest();
    const listening = await listenOn(server.fetch, { host, port });
    if (apiKey === undefined && !isOwn(host))
      session.note(`anybody who can reach ${listening.url} may use these models; --api-key asks for a key`);
    const told = { url: listening.url, models: [...names.keys()] };
    session.output.result(told, () => `${told.url} serves ${told.models.join(", ")}; Ctrl-C stops it`);
    session.endsByCtrlC();
    await stopped;
    session.note("waiting for the answers that are being computed; Ctrl-C again does not wait");
    listening.stop();
    await server.close();
    await listening.ended();
  } catch (error) {
    await server.close(AbortSignal.abort());
    throw error;
  }
};

type ServerParts = typeof import("../../server.ts") & typeof import("../serve/listen.ts");

/** Those of a checkout, or those of the package beside this one: it has no room for them. @throws UsageError if neither is here. */
async function serverParts(): Promise<ServerParts> {
  try {
    return { ...(await import("../../server.ts")), ...(await import("../serve/listen.ts")) };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    const parts = [PACKAGE, `${PACKAGE}/listen`].map((name) => import(name) as Promise<ServerParts>);
    const [server, listen] = await Promise.all(parts).catch(explainMissing("serve", PACKAGE));
    return { ...server, ...listen };
  }
}

/** Resolves at Ctrl-C, and when another program asks this one to end. */
function stopOf({ signal }: CommandSession): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
    process.once("SIGTERM", () => resolve());
  });
}

/** Names of models in requests: that of the folder or file, or of the hub's model. @throws UsageError for two of one name. */
function modelNames(paths: readonly string[]): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const path of paths) {
    const name = path.startsWith("hf:") ? path.slice("hf:".length) : basename(path.replace(/[?#].*$/, ""));
    const known = names.get(name);
    if (known !== undefined)
      throw new UsageError("MODEL", `${quoted(known)} and ${quoted(path)}, both named ${name}`, "different names");
    names.set(name, path);
  }
  return names;
}

function isOwn(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\./.test(host);
}
