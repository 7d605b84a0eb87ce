// Serves site/dist with the page's headers: whole files, byte ranges, and "not modified" for files that the browser has.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { HEADERS, TYPES } from "./headers.mjs";

/** The file that a path of the address means, or undefined. */
function findFile(folder, pathname) {
  const path = join(folder, normalize(`/${decodeURIComponent(pathname)}`), pathname.endsWith("/") ? "index.html" : "");
  try {
    const facts = statSync(path);
    return facts.isFile()
      ? { path, size: facts.size, tag: `"${facts.size.toString(36)}-${Math.round(facts.mtimeMs).toString(36)}"` }
      : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes that a header asks for, or undefined for all. An open or a suffix range is made whole. */
function rangeOf(header, size) {
  const found = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (found === null || (found[1] === "" && found[2] === "")) return undefined;
  if (found[1] === "") return { start: Math.max(0, size - Number(found[2])), end: size - 1 };
  return { start: Number(found[1]), end: Math.min(size - 1, found[2] === "" ? size - 1 : Number(found[2])) };
}

function answer(folder, headers, request, response) {
  const file = findFile(folder, new URL(request.url, "http://localhost").pathname);
  if (file === undefined) return response.writeHead(404, headers).end();
  const { path, size, tag } = file;
  const type = TYPES[extname(path)] ?? "application/octet-stream";
  const common = { ...headers, ETag: tag, "Cache-Control": "no-cache", "Accept-Ranges": "bytes", "Content-Type": type };
  if (request.headers["if-none-match"] === tag) return response.writeHead(304, common).end();
  const range = rangeOf(request.headers.range, size);
  if (range !== undefined && range.start > range.end)
    return response.writeHead(416, { ...common, "Content-Range": `bytes */${size}` }).end();
  const { start, end } = range ?? { start: 0, end: size - 1 };
  const part = range === undefined ? {} : { "Content-Range": `bytes ${start}-${end}/${size}` };
  response.writeHead(range === undefined ? 200 : 206, { ...common, ...part, "Content-Length": end - start + 1 });
  if (request.method === "HEAD" || size === 0) return response.end();
  createReadStream(path, { start, end }).pipe(response);
}

/**
 * Starts a server on a port (0: a free one). For tests of what fails, `headers` replaces the page's, and `instead(request, response, headers)` answers
 * those requests for which it gives true.
 */
export async function serveSite(folder, { port = 0, host = "127.0.0.1", headers = HEADERS, instead } = {}) {
  const server = createServer((request, response) => {
    if (instead?.(request, response, headers) !== true) answer(folder, headers, request, response);
  });
  await new Promise((resolve, reject) => server.once("error", reject).listen(port, host, resolve));
  return {
    url: `http://${host}:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
