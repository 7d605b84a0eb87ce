// What ci/server.mjs serves with, in one bundle: the server, a port, and the models of the same sources.
export { listenOn } from "../../src/cli/serve/listen.ts";
export { loadModel } from "../../src/index.ts";
export { createServer } from "../../src/server.ts";
