// A visitor's way through the four tabs: writes, grinds, measures, explores; everything is held to what the library gives.
import { readFileSync } from "node:fs";
import { accessibilityFaults, visit } from "./browser.mjs";
import { GREEDY, GRIND, hashInArchive, PROMPT } from "./library.mjs";

const openTab = (page, name) => page.getByRole("tab", { name }).click();
const setRange = (page, label, value) => page.getByLabel(label, { exact: true }).fill(String(value));

/** @param check  counts whether something holds, and says what does not */
export async function tour(browser, url, { check, expected }) {
  const visitor = await visit(browser, url);
  const { page } = visitor;
  const steps = { write, grind, measure, study, models };
  const longest = {};
  for (const [name, step] of Object.entries(steps)) {
    await step(page, { check, expected });
    longest[name] = Math.round(await visitor.longest());
    check(name, await accessibilityFaults(page), []);
    await visitor.forgetTasks(); // axe-core's own
  }
  await checkThemes(page, check);
  check("no error in the console, no violation of the policy", await visitor.faults(), []);
  await visitor.close();
  return { longest };
}

async function write(page, { check, expected }) {
  await page.getByText("to the first token").waitFor();
  await setRange(page, "Temperature", 0);
  await page.getByLabel("Tokens", { exact: true }).fill(String(GREEDY.maxTokens));
  await page.getByLabel("Beginning").fill(PROMPT);
  await page.getByRole("button", { name: "Write", exact: true }).click();
  await page.getByText("as many as asked for").waitFor();
  check("the text of 32 greedy tokens", await page.locator(".story .tokens").first().textContent(), expected.text);
  check("each token has its experts but the last", await page.locator(".token[style]").count(), GREEDY.maxTokens - 1);
  await page.getByRole("listbox").focus();
  await page.keyboard.press("ArrowRight");
  check("a token is chosen by keyboard", await page.locator(".token[aria-selected=true]").count(), 1);
  check(
    "its experts are told",
    /In block 5 it went to expert \d/.test(await page.locator(".detail").textContent()),
    true,
  );
}

async function grind(page, { check, expected }) {
  await openTab(page, "grind");
  await setRange(page, "Texts to calibrate on", GRIND.samples);
  await page.getByRole("radio", { name: "3", exact: true }).check();
  await page.getByRole("button", { name: "Grind", exact: true }).click();
  await page.getByRole("progressbar").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Grind", exact: true }).click({ timeout: 20_000 });
  await page.getByText("Both write").waitFor({ timeout: 120_000 });
  const facts = await page.getByRole("tabpanel", { name: "grind" }).locator("dd").allTextContents();
  check("average bits and bytes", facts.slice(0, 2), ["3.00", "5.01 MB"]);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: /^Download/ }).click(),
  ]);
  check(
    "the weights are the library's",
    hashInArchive(readFileSync(await download.path()), "model.safetensors"),
    expected.weights,
  );
  await page.getByText("tokens/s").nth(1).waitFor();
  await page.getByRole("button", { name: "Keep on this device" }).click();
  await page.getByText("Kept: see the list of models").waitFor();
}

async function measure(page, { check, expected }) {
  await openTab(page, "measure");
  await page.getByRole("button", { name: "Measure quickly" }).click();
  await page.getByText("Copy as JSON").waitFor({ timeout: 60_000 });
  check("the golden hash", await page.locator(".hash code").textContent(), expected.golden);
  check("its mark", await page.locator(".hash.same .tick").count(), 1);
  check("other machines", (await page.locator(".bars tr").count()) > 3, true);
}

async function study(page, { check }) {
  await openTab(page, "study");
  const slider = page.getByRole("slider", { name: "Budget" });
  await slider.waitFor();
  const bitsOf = () => page.getByRole("tabpanel", { name: "study" }).locator(".bits .cell text").allTextContents();
  const mean = (bits) => bits.reduce((sum, each) => sum + Number(each), 0) / bits.length;
  const before = await bitsOf();
  await slider.focus();
  for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowRight");
  const after = await bitsOf();
  check("a cell for each linear", [before.length, after.length], [168, 168]);
  check("more budget, more bits", mean(after) > mean(before), true);
  check("a readout of the plan", /Knapsack in 3\.47 bits/.test(await page.locator(".readout").textContent()), true);
  await page.getByRole("radio", { name: "best rule" }).check();
  check(
    "the rule's name",
    /importance|outlier|projection|attention/.test(await page.locator(".readout h3").textContent()),
    true,
  );
}

/** The list of models: what was kept is there with its size, opens, and is deleted. */
async function models(page, { check }) {
  await page.locator(".chip").click();
  const kept = page.getByRole("button", { name: /^Delete fable-mixtral, 3.00 bits/ });
  await kept.waitFor();
  check("a size", /5\.\d+ MB/.test(await page.locator("dialog .list").last().textContent()), true);
  await page.getByRole("button", { name: /^Open fable-mixtral, 3.00 bits from this device/ }).click();
  await page.locator(".chip", { hasText: "5.01 MB" }).waitFor();
  await page.locator(".chip").click();
  await kept.click();
  await page.getByText("Nothing is kept yet").waitFor();
  await fromElsewhere(page, check);
}

/** The other model of the repository by address, as a folder, and dropped on the page. */
async function fromElsewhere(page, check) {
  const isOpen = () => page.locator(".chip", { hasText: "16.5 MB" }).waitFor();
  const isBack = () => page.locator(".chip", { hasText: "17.1 MB" }).waitFor();
  const openHere = async () => {
    await page.locator(".chip").click();
    await page.getByRole("button", { name: "Open fable-mixtral", exact: true }).click();
    await isBack();
  };
  await page.getByLabel("Address").fill(new URL("models/fable-deepseek/", page.url()).href);
  await page.getByRole("button", { name: "Open", exact: true }).click();
  await isOpen();
  await openHere();
  await page.locator(".chip").click();
  await page.locator("input[webkitdirectory]").setInputFiles("models/fable-deepseek");
  await isOpen();
  await openTab(page, "write");
  await page.getByText("while writing").waitFor();
  check("experts of the other model", await page.locator(".mill thead th").count(), 17);
  await openHere();
  await dropFiles(page, "models/fable-deepseek");
  await isOpen();
  await page.locator(".chip").click();
}

/** Drops the files that the model needs, as a browser would. */
async function dropFiles(page, folder) {
  const names = ["config.json", "tokenizer.json", "model.safetensors"];
  const transfer = await page.evaluateHandle(
    async ([folder, names]) => {
      const transfer = new DataTransfer();
      for (const name of names) transfer.items.add(new File([await (await fetch(`${folder}/${name}`)).blob()], name));
      return transfer;
    },
    [folder, names],
  );
  await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

/** The other theme and a narrow screen hold the same rules, and nothing is wider than the screen. */
async function checkThemes(page, check) {
  await page.getByRole("button", { name: "Close" }).click();
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  for (const tab of ["write", "grind", "measure", "study"]) {
    await openTab(page, tab);
    if (tab === "study") await page.getByRole("combobox", { name: "Model" }).selectOption("fable-deepseek");
    check(`${tab}, dark and narrow`, await accessibilityFaults(page), []);
    check(
      `${tab}, wider than the screen by`,
      await page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth)),
      0,
    );
  }
}
