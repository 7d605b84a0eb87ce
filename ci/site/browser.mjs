// Starts Chromium on the built page, and gathers what a visitor must never see: errors of the console, violations of the policy, failed requests.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
];

/** The browser that is installed; undefined without one. */
export function findChromium() {
  const names = [process.env.CHROMIUM, "/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"].filter(
    (name) => name,
  );
  return names.find((name) => spawnSync(name, ["--version"]).status === 0);
}

export const launch = (executablePath) => chromium.launch({ executablePath, args: FLAGS });

/** Runs in the page before anything else: keeps violations of the policy, and tasks that block the page. */
function watch() {
  globalThis.violations = [];
  globalThis.longTasks = [];
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    globalThis.violations.push(`${violatedDirective} ${blockedURI}`),
  );
  new PerformanceObserver((list) =>
    globalThis.longTasks.push(...list.getEntries().map(({ duration }) => duration)),
  ).observe({ type: "longtask", buffered: true });
}

/** A page at an address, with `faults()`: what went wrong in it. `before` runs in it first. */
export async function visit(browser, url, { before, ...options } = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    acceptDownloads: true,
    ...options,
  });
  const page = await context.newPage();
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", ({ message }) => errors.push(message));
  await page.addInitScript(watch);
  if (before !== undefined) await page.addInitScript(before);
  await page.goto(url);
  return {
    page,
    errors,
    faults: async () => [...errors, ...(await page.evaluate(() => globalThis.violations))],
    longest: async () => Math.max(0, ...(await page.evaluate(() => globalThis.longTasks))),
    forgetTasks: () =>
      page.evaluate(async () => {
        await new Promise((later) => setTimeout(later, 100));
        globalThis.longTasks.length = 0;
      }),
    close: () => context.close(),
  };
}

/** What axe-core finds on the page as it is: a line for each violation. It is run through the debugger, which no policy holds back. */
export async function accessibilityFaults(page) {
  await page.evaluate(`${(await import("node:fs")).readFileSync(AXE, "utf8")};0`);
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ["violations"] }));
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary.replaceAll("\n", " ")}`),
  );
}
