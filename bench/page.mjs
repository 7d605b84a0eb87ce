// Measures the page (site/dist) in Chromium from a server of this machine: page to first token, cold and with the browser's cache, grinding,
// and the longest tasks of the page's thread. `node bench/page.mjs [--repeat N]`, after `npm run site` and `node ci/install.mjs`.
import { parseArgs } from "node:util";
import { findChromium, launch, visit } from "../ci/site/browser.mjs";
import { serveSite } from "../scripts/site/server.mjs";

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: { repeat: { type: "string", default: "5" } },
  allowPositionals: true,
});
const repeat = Number(values.repeat);
const median = (samples) => [...samples].sort((a, b) => a - b)[samples.length >> 1];
const site = await serveSite("site/dist");
const browser = await launch(findChromium());

/** Milliseconds from the navigation to the first token in the text, as the page itself sees them. */
function noteFirstToken() {
  new MutationObserver((_, observer) => {
    if (document.querySelector(".token") === null) return;
    globalThis.firstToken = performance.now();
    observer.disconnect();
  }).observe(document, { childList: true, subtree: true });
}

async function firstToken(page) {
  await page.waitForFunction(() => globalThis.firstToken !== undefined);
  return page.evaluate(() => globalThis.firstToken);
}

async function opening() {
  const visitor = await visit(browser, site.url, { before: noteFirstToken });
  const cold = await firstToken(visitor.page);
  await visitor.page.getByText("while writing").waitFor();
  const coldTask = await visitor.longest();
  await visitor.page.reload();
  const cached = await firstToken(visitor.page);
  await visitor.close();
  return { cold, cached, task: coldTask };
}

async function grinding() {
  const visitor = await visit(browser, `${site.url}#grind`);
  const { page } = visitor;
  await page.locator(".chip .ready").waitFor();
  await visitor.forgetTasks();
  const begun = performance.now();
  await page.getByRole("button", { name: "Grind", exact: true }).click();
  await page.getByText("Both write").waitFor({ timeout: 300_000 });
  const seconds = (performance.now() - begun) / 1000;
  const shown = await page.getByRole("tabpanel", { name: "grind" }).locator("dd").allTextContents();
  await page.getByText("tokens/s").nth(1).waitFor();
  const task = await visitor.longest();
  await visitor.close();
  return { seconds, task, shown };
}

const opened = [];
for (let i = 0; i < repeat; i++) opened.push(await opening());
const ground = await grinding();
for (const name of ["cold", "cached", "task"]) {
  const samples = opened.map((each) => Math.round(each[name]));
  console.log(`${name}: median ${median(samples)} ms of ${samples.join(", ")}`);
}
console.log(
  `grinding to 3 bits and measuring: ${ground.seconds.toFixed(1)} s; longest task ${Math.round(ground.task)} ms; ${ground.shown.join(", ")}`,
);
await browser.close();
site.close();
