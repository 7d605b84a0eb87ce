// Serves fable-mixtral with a chat template on a free port, and tells its address in a line. Ends with its parent. Run by ci/server.mjs.
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { createServer, listenOn, loadModel } = await import(join(root, "build/ci-server.mjs"));
const folder = mkdtempSync(join(tmpdir(), "quern-served-"));
cpSync(join(root, "models/fable-mixtral"), folder, { recursive: true });
cpSync(join(root, "test/fixtures/chat/turns.jinja"), join(folder, "chat_template.jinja"));

const models = { "fable-mixtral": () => loadModel(folder, { threads: 1 }) };
const server = createServer({ models, apiKey: "test-key", parallel: 2, queue: 2 });
await server.ready();
const { url } = await listenOn(server.fetch, { host: "127.0.0.1", port: 0 });
process.stdout.write(`${url}\n`);
process.stdin.resume().on("end", () => process.exit(0));
