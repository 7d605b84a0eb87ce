// A local server for one page: the page's modules, the model, and the orders that it fetches.
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { importMap } from "./import-map.mjs";

const TYPES = {
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".html": "text/html",
};
/** The page asks again after so long without an order. */
const PATIENCE_MS = 20_000;

function sendFile(response, path) {
  if (!existsSync(path) || !statSync(path).isFile()) return response.writeHead(404).end();
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  response.writeHead(200, { "content-type": type, "content-length": statSync(path).size });
  createReadStream(path).pipe(response);
}

async function readBody(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return JSON.parse(Buffer.concat(parts).toString());
}

/** Orders that wait for the page, and answers that the bench waits for. */
class Orders {
  #queue = [];
  #page;
  #waiting = new Map();
  #count = 0;

  order(order) {
    return new Promise((resolve, reject) => {
      const number = this.#count++;
      this.#waiting.set(number, { resolve, reject });
      this.#queue.push({ number, order });
      this.#give();
    });
  }

  /** The page asks for an order. */
  ask(response) {
    this.#page = response;
    setTimeout(() => {
      if (this.#page === response) this.#answer(204);
    }, PATIENCE_MS).unref();
    this.#give();
  }

  take({ number, value, error }) {
    if (number === -1) return this.fail(error);
    const { resolve, reject } = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) resolve(value);
    else reject(new Error(error));
  }

  fail(reason) {
    for (const { reject } of this.#waiting.values()) reject(new Error(reason));
    this.#waiting.clear();
  }

  #give() {
    if (this.#page !== undefined && this.#queue.length > 0) this.#answer(200, JSON.stringify(this.#queue.shift()));
  }

  #answer(status, body) {
    const response = this.#page;
    this.#page = undefined;
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  }
}

const pageOf = (root) =>
  `<!doctype html><script type="importmap">${JSON.stringify(importMap(root, "/modules"))}</script>` +
  '<script type="module" src="/peers/hosts/page-agent.mjs"></script>';

/**
 * @param root  the repository
 * @param files  folders by the first part of a path: { peers, dist, modules }
 * @returns { origin, orders, serve(file), close() }; `serve` gives the path under which a file of this machine is read
 */
export async function startPageServer(root, files) {
  const orders = new Orders();
  const given = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    const [, place, ...rest] = pathname.split("/");
    if (pathname === "/order") orders.ask(response);
    else if (pathname === "/answer") {
      orders.take(await readBody(request));
      response.end();
    } else if (pathname === "/") response.writeHead(200, { "content-type": "text/html" }).end(pageOf(root));
    else if (place === "given") sendFile(response, given[Number(rest[0])] ?? "");
    else if (files[place] !== undefined) sendFile(response, join(files[place], normalize(`/${rest.join("/")}`)));
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    orders,
    serve: (file) => `/given/${given.push(file) - 1}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
