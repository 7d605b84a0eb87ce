// Holds the packed package to publint, and to are-the-types-wrong for what resolves ES modules: the package has no CommonJS.
// Then a dry run of publishing the sources to JSR.
import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { Checks, installPacked, run } from "./install-packed.mjs";

/** Node 10's resolution knows no `exports`; a CommonJS consumer imports the package dynamically or, on newer Node, requires it. */
const IGNORED_RESOLUTIONS = ["node10", "node16-cjs"];

const checks = new Checks("lint-package");
const { folder, tarball } = installPacked();
try {
  const data = readFileSync(tarball);
  const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  await checks.check("publint finds nothing", async () => {
    const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
    if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join("\n"));
  });
  await checks.check("are-the-types-wrong finds nothing", async () => {
    const { problems } = await checkPackage(createPackageFromTarballData(new Uint8Array(buffer)));
    const own = problems.filter(({ resolutionKind }) => !IGNORED_RESOLUTIONS.includes(resolutionKind));
    if (own.length > 0) throw new Error(JSON.stringify(own));
  });
  await checks.check("publint finds nothing in quern-server", async () => {
    const { messages, pkg } = await publint({
      pkgDir: fileURLToPath(new URL("../build/quern-server", import.meta.url)),
      strict: true,
    });
    if (messages.length > 0) throw new Error(messages.map((message) => formatMessage(message, pkg)).join("\n"));
  });
  await checks.check("deno publish would take the sources as jsr.json says", () => {
    const deno = fileURLToPath(new URL("node_modules/.bin/deno", import.meta.url));
    run(deno, ["publish", "--dry-run", "--allow-dirty"]);
  });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
checks.end();
