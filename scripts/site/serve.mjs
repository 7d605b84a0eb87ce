// Serves the built page: `npm run site:serve`, with `--port N` (8000) and `--host H` (127.0.0.1).
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { serveSite } from "./server.mjs";

const { values } = parseArgs({ options: { port: { type: "string", default: "8000" }, host: { type: "string" } } });
const { url } = await serveSite(fileURLToPath(new URL("../../site/dist", import.meta.url)), {
  port: Number(values.port),
  host: values.host,
});
console.log(`The page is at ${url}; Ctrl-C ends it.`);
