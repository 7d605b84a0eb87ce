// Opens the page in a browser without a driver: a script of the page's own server clicks through it and posts what it found.
import { readFileSync } from "node:fs";
import { serveSite } from "../../scripts/site/server.mjs";
import { openUntil } from "../page.mjs";
import { GREEDY, GRIND, PROMPT } from "./library.mjs";

const SITE = "site/dist";
const LIMIT_MS = 180_000;

/** Answers for the three addresses that the page does not have: the page with the script, the script, and where its answer goes. */
function driven(done) {
  const query = new URLSearchParams({ prompt: PROMPT, tokens: GREEDY.maxTokens, samples: GRIND.samples });
  const page = readFileSync(`${SITE}/index.html`, "utf8");
  const script = `<script type="module" src="drive.js?${query}"></script></head>`;
  const files = {
    "/drive.html": ["text/html; charset=utf-8", page.replace("</head>", script.replaceAll("&", "&amp;"))],
    "/drive.js": ["text/javascript; charset=utf-8", readFileSync(new URL("drive.js", import.meta.url))],
  };
  return (request, response, headers) => {
    const { pathname } = new URL(request.url, "http://page");
    if (pathname === "/done") {
      let text = "";
      request.on("data", (part) => {
        text += part;
      });
      request.on("end", () => done(JSON.parse(text)));
      response.writeHead(204, headers).end();
      return true;
    }
    if (files[pathname] === undefined) return false;
    const [type, body] = files[pathname];
    response.writeHead(200, { ...headers, "content-type": type }).end(body);
    return true;
  };
}

/** @param check  counts whether something holds, and says what does not */
export async function selfDriven(browser, { check, expected }) {
  let done;
  const answer = new Promise((resolve) => {
    done = resolve;
  });
  const site = await serveSite(SITE, { instead: driven(done) });
  try {
    const found = await openUntil(answer, `${site.url}drive.html`, { browser, limitMs: LIMIT_MS });
    check(`${browser}: what it finds`, found, {
      write: { text: expected.text, routed: GREEDY.maxTokens - 1 },
      grind: ["3.00", "5.01 MB"],
      measure: { hash: expected.golden, isSame: true },
      study: "Knapsack in 3.47 bits",
      isolated: true,
      faults: [],
    });
  } finally {
    site.close();
  }
}
