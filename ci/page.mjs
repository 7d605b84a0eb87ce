// Opens a page in a browser, from a server of this machine, and waits for what it sends back.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";

const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
};
/** Without these a page's workers cannot share memory. */
const ISOLATION = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };

const CHROMIUM_FLAGS = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
  ...["--disable-background-networking", "--disable-component-update"],
];
/** Nothing but the page is loaded: no updates, no reports, no lists of bad addresses, no question whether there is a network. */
const FIREFOX_OFF = [
  ...["app.update.enabled", "app.normandy.enabled", "datareporting.policy.dataSubmissionEnabled"],
  ...["toolkit.telemetry.enabled", "datareporting.healthreport.uploadEnabled", "extensions.update.enabled"],
  ...["browser.safebrowsing.malware.enabled", "browser.safebrowsing.phishing.enabled"],
  ...["network.captive-portal-service.enabled", "network.connectivity-service.enabled"],
  ...["browser.shell.checkDefaultBrowser", "browser.aboutwelcome.enabled"],
];

/** Debian's packages, which need no driver: a new profile each time, and the page's address on the command line. */
const BROWSERS = {
  chromium: {
    program: "/usr/bin/chromium",
    argsOf: (profile, url) => [...CHROMIUM_FLAGS, `--user-data-dir=${profile}`, url],
  },
  firefox: {
    program: "/usr/bin/firefox-esr",
    argsOf(profile, url) {
      const lines = FIREFOX_OFF.map((name) => `user_pref("${name}", false);\n`);
      writeFileSync(join(profile, "user.js"), lines.join(""));
      return ["--headless", "--no-remote", "--profile", profile, url];
    },
  },
};

export const hasBrowser = (name) => existsSync(BROWSERS[name].program);

/** Serves `folders` under the names that they have; what a page posts to `/done` is handed to `done`. */
function serve(folders, headers, done) {
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
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", ...headers });
    response.end(readFileSync(file));
  });
}

/** Opens `path`, such as `vite/index.html`, and gives what the page posts to `/done`. An isolated page may share memory with its workers. */
export async function openPage(folders, path, { browser = "chromium", isolated = false, limitMs = 60_000 } = {}) {
  const { promise, resolve } = withResolvers();
  const server = serve(folders, isolated ? ISOLATION : {}, resolve);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  try {
    const url = `http://127.0.0.1:${server.address().port}/${path}`;
    return await openUntil(promise, url, { browser, limitMs });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Opens an address in a browser, with a new profile, until the answer is there, and gives the answer. */
export async function openUntil(answer, url, { browser = "chromium", limitMs = 60_000 } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "quern-page-"));
  const { promise: failure, reject } = withResolvers();
  const { program, argsOf } = BROWSERS[browser];
  const env = { ...process.env, HOME: profile };
  const child = spawn(program, argsOf(profile, url), { stdio: "ignore", detached: true, env });
  const ended = new Promise((exited) => child.once("exit", exited));
  ended.then((status) => reject(new Error(`${url}: ${browser} ended with status ${status} before it answered`)));
  const timer = setTimeout(() => reject(new Error(`${url}: found no answer after ${limitMs} ms`)), limitMs);
  try {
    return await Promise.race([answer, failure]);
  } finally {
    clearTimeout(timer);
    failure.catch(() => {}); // the browser ends now, and nobody waits any more
    if (child.exitCode === null) process.kill(-child.pid);
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** Node 20 lacks `Promise.withResolvers`. */
function withResolvers() {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
}
