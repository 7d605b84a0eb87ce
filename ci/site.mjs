// Clicks through the page (site/dist, built by `npm run site`) in Chromium and Firefox, and holds what it shows to what the library gives.
// `--report F` writes counts for the check.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { serveSite } from "../scripts/site/server.mjs";
import { hasBrowser } from "./page.mjs";
import { findChromium, launch } from "./site/browser.mjs";
import { failing } from "./site/failing.mjs";
import { expectedResults } from "./site/library.mjs";
import { selfDriven } from "./site/self-driven.mjs";
import { tour } from "./site/tour.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
let passed = 0;
let failed = 0;
function check(what, found, expected) {
  if (isDeepStrictEqual(found, expected)) passed++;
  else {
    failed++;
    console.log(`FAILED ${what}: found ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`);
  }
}

const POLICY = /script-src 'self' 'wasm-unsafe-eval'/;

async function checkHeaders(url) {
  const { headers } = await fetch(url);
  check("policy", POLICY.test(headers.get("content-security-policy")), true);
  check("opener policy", headers.get("cross-origin-opener-policy"), "same-origin");
  check("embedder policy", headers.get("cross-origin-embedder-policy"), "require-corp");
}

async function checkPage() {
  const chromium = findChromium();
  if (chromium === undefined) throw new Error("found no Chromium, expected one on the path or named by CHROMIUM");
  const site = await serveSite("site/dist");
  const browser = await launch(chromium);
  try {
    await checkHeaders(site.url);
    const expected = await expectedResults();
    const { longest } = await tour(browser, site.url, { check, expected });
    console.log(`longest tasks of the page's thread, in ms: ${JSON.stringify(longest)}`);
    await failing(browser, check);
    if (hasBrowser("firefox")) await selfDriven("firefox", { check, expected });
    else console.log("Firefox is not installed here, so the page is not tested in it");
  } finally {
    await browser.close();
    site.close();
  }
}

await checkPage().catch((error) => {
  failed++;
  console.log(`FAILED the page: ${error.stack}`);
});
const at = process.argv.indexOf("--report");
if (at > 0) writeFileSync(process.argv[at + 1], JSON.stringify({ passed, failed }));
console.log(`the page: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
