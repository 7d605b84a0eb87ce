// Runs in the page itself, in browsers that no driver moves: clicks through the four tabs and posts what it finds to `/done`.
// The text of the prompt, the tokens and the texts to calibrate on are in the script's address.

const wanted = Object.fromEntries(new URL(import.meta.url).searchParams);
const faults = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => faults.push(`${violatedDirective} ${blockedURI}`));
addEventListener("error", ({ message }) => faults.push(message));
addEventListener("unhandledrejection", ({ reason }) => faults.push(String(reason)));

const PATIENCE_MS = 120_000;
const all = (selector) => [...document.querySelectorAll(selector)];
const shown = (panel, selector) => all(`#panel-${panel} ${selector}`);

/** Waits until something is found, looked for every frame. */
async function until(what, find) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = find();
    if (found) return found;
    if (performance.now() > end) throw new Error(`found no ${what}: ${document.querySelector(".notices").textContent}`);
    await new Promise((later) => setTimeout(later, 30));
  }
}

const button = (panel, name) => until(`button ${name}`, () => shown(panel, "button").find(({ textContent, disabled }) => textContent === name && !disabled));
const controlOf = (panel, label) => until(`control ${label}`, () => shown(panel, "label").find(({ textContent }) => textContent === label)?.control);
const open = (tab) => document.querySelector(`#tab-${tab}`).click();

/** Sets a control as a hand would: both events follow. */
async function set(panel, label, value) {
  const control = await controlOf(panel, label);
  control.value = value;
  for (const type of ["input", "change"]) control.dispatchEvent(new Event(type, { bubbles: true }));
}

async function write() {
  await until("first text", () => shown("write", "dt").some(({ textContent }) => textContent === "while writing"));
  await set("write", "Temperature", 0);
  await set("write", "Tokens", wanted.tokens);
  await set("write", "Beginning", wanted.prompt);
  (await button("write", "Write")).click();
  await until("32 tokens", () => shown("write", "dt").some(({ textContent }) => textContent === "as many as asked for"));
  return { text: shown("write", ".tokens")[0].textContent, routed: shown("write", ".token[style]").length };
}

async function grind() {
  open("grind");
  await set("grind", "Texts to calibrate on", wanted.samples);
  (await button("grind", "Grind")).click();
  await until("both texts", () => shown("grind", "h4 .figure").filter(({ textContent }) => textContent !== "").length === 2);
  return shown("grind", "dd").map(({ textContent }) => textContent).slice(0, 2);
}

async function measure() {
  open("measure");
  (await button("measure", "Measure quickly")).click();
  await until("hash", () => shown("measure", ".hash code")[0]);
  return { hash: shown("measure", ".hash code")[0].textContent, isSame: shown("measure", ".hash.same .tick").length === 1 };
}

async function study() {
  open("study");
  await set("study", "Budget", 3.5);
  return until("plan", () => shown("study", ".readout h3")[0]?.textContent);
}

async function drive() {
  const found = { write: await write(), grind: await grind(), measure: await measure(), study: await study() };
  return { ...found, isolated: crossOriginIsolated, faults };
}

const answer = await drive().catch((error) => ({ error: error.message, faults }));
await fetch("/done", { method: "POST", body: JSON.stringify(answer) });
