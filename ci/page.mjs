// Opens a page in Chromium, from a server of this machine, and waits for what it sends back.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const CHROMIUM = "/usr/bin/chromium";
export const HAS_CHROMIUM = existsSync(CHROMIUM);

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
};
const FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update"],
];

/** Serves `folders` under the names that they have; what a page posts to `/done` is handed to `done`. */
function serve(folders, done) {
  return createServer((request, response) => {
    if (request.method === "POST") {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", () => {
        response.end();
        done(text);
      });
      return;
    }
    const [, name, ...rest] = normalize(new URL(request.url, "http://page").pathname).split("/");
    const file = join(folders[name] ?? "none", ...rest);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream" });
    response.end(readFileSync(file));
  });
}

/** Opens `path`, such as `vite/index.html`, and gives what the page posts to `/done`. */
export async function openPage(folders, path, limitMs = 60_000) {
  const profile = mkdtempSync(join(tmpdir(), "quern-page-"));
  const { promise, resolve, reject } = withResolvers();
  const server = serve(folders, resolve);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${server.address().port}/${path}`;
  const browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: "ignore", detached: true });
  const timer = setTimeout(() => reject(new Error(`${path}: found no answer after ${limitMs} ms`)), limitMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    process.kill(-browser.pid);
    server.close();
    server.closeAllConnections();
    await new Promise((ended) => browser.once("exit", ended));
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Node 20 lacks `Promise.withResolvers`. */
function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
