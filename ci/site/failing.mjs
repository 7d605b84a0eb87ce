// What fails is said in a sentence, with what still works: each case is a visit to a page where something is missing.
import { HEADERS } from "../../scripts/site/headers.mjs";
import { serveSite } from "../../scripts/site/server.mjs";
import { visit } from "./browser.mjs";

const SITE = "site/dist";

/** Headers without isolation. */
function plainHeaders() {
  const { "Cross-Origin-Opener-Policy": _, "Cross-Origin-Embedder-Policy": __, ...rest } = HEADERS;
  return rest;
}

const written = (page) => page.getByText("to the first token").waitFor();
const told = async (page) => (await page.locator(".notices").textContent()) ?? "";

async function onPage(browser, { before, act, ...server }) {
  const site = await serveSite(SITE, server);
  const visitor = await visit(browser, site.url, { before });
  try {
    return await act(visitor.page, site);
  } finally {
    await visitor.close();
    site.close();
  }
}

/** Opens the page's other model, which the case has fail. */
async function openOther(page) {
  await page.locator(".chip").click();
  await page.getByRole("button", { name: "Open fable-deepseek", exact: true }).click();
  await page.locator(".notice").waitFor();
}

/** Breaks the connection in the middle of the other model's weights. */
function cutWeights(request, response, headers) {
  if (!request.url.endsWith("fable-deepseek/model.safetensors")) return false;
  response.writeHead(200, { ...headers, "content-length": 1_000_000 });
  response.write(Buffer.alloc(500_000), () => setTimeout(() => response.destroy(), 100));
  return true;
}

const CASES = {
  "no isolation": {
    headers: plainHeaders(),
    sentence: /no shared memory and the engine has one thread\. Everything works/,
    act: async (page) => {
      await written(page);
      return told(page);
    },
  },
  "no SIMD": {
    before: () => {
      WebAssembly.validate = () => false;
    },
    sentence: /no WebAssembly SIMD, so no model can run here\. The study works without it/,
    act: async (page) => {
      await page.getByRole("tab", { name: "study" }).click();
      await page.getByRole("slider", { name: "Budget" }).waitFor();
      return told(page);
    },
  },
  "a server that is gone": {
    sentence: /could not be fetched: .*stored models and files of this device open all the same/,
    act: async (page, site) => {
      await written(page);
      site.close();
      await openOther(page);
      await page.getByRole("button", { name: "Write", exact: true }).click();
      await page.getByText("while writing").waitFor();
      return told(page);
    },
  },
  "a device that is offline": {
    sentence: /This device is offline.*Stored models and files of this device open all the same/,
    act: async (page) => {
      await written(page);
      await page.context().setOffline(true);
      await openOther(page);
      return told(page);
    },
  },
  "a download that is cut": {
    instead: cutWeights,
    sentence: /the download was cut after \d+ of 1000000 bytes.*It can be tried again/,
    act: async (page) => {
      await written(page);
      await openOther(page);
      return told(page);
    },
  },
  "a full device": {
    sentence: /no more room in the browser's storage.*The model runs all the same/,
    act: async (page) => {
      await written(page);
      const debug = await page.context().newCDPSession(page);
      await debug.send("Storage.overrideQuotaForOrigin", { origin: new URL(page.url()).origin, quotaSize: 1_000_000 });
      await page.locator(".chip").click();
      await page.getByRole("button", { name: "Keep on this device" }).click();
      await page.locator(".notice").waitFor();
      return told(page);
    },
  },
  "a file that is no model": {
    sentence: /The model that was open before still is/,
    act: async (page) => {
      await written(page);
      await page.locator(".chip").click();
      await page
        .locator("input[type=file]")
        .first()
        .setInputFiles({ name: "broken.gguf", mimeType: "application/octet-stream", buffer: Buffer.from("no model") });
      await page.locator(".notice").waitFor();
      return told(page);
    },
  },
};

/** @param check  counts whether something holds, and says what does not */
export async function failing(browser, check) {
  for (const [name, { sentence, ...visited }] of Object.entries(CASES)) {
    const text = await onPage(browser, visited).catch((error) => `no answer: ${error.message}`);
    check(`${name}: a sentence`, sentence.test(text) ? "" : text, "");
  }
}
