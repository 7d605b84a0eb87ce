// Packs the package and installs the tarball in an empty folder, as a user's machine has it: no checkout, no weights inside.
import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Runs a program and gives what it prints. A failure has what it printed as an error, as `stderr`. */
export const run = (command, args, cwd = root, options = {}) =>
  execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 180_000,
    ...options,
  });

/** @returns the folder that has `node_modules/quern`, the tarball, and what npm says of its files. The caller removes the folder. */
export function installPacked() {
  const folder = mkdtempSync(join(tmpdir(), "quern-packed-"));
  const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder]));
  const tarball = join(folder, packed.filename);
  writeFileSync(join(folder, "package.json"), '{ "name": "packed", "private": true, "type": "module" }\n');
  run("npm", ["install", "--no-audit", "--no-fund", tarball], folder);
  return { folder, tarball, packed };
}

/** Counts checks, prints each as a line, and ends the program by their result. `--report F` writes the counts for the whole check. */
export class Checks {
  #name;
  #passed = 0;
  #failed = 0;
  constructor(name) {
    this.#name = name;
  }

  get failed() {
    return this.#failed;
  }

  /** A check fails if its work throws or returns false. A text that it returns is what it found. */
  async check(title, work) {
    try {
      const found = await work();
      if (found === false) throw new Error("does not hold");
      this.#passed++;
      console.log(typeof found === "string" ? `ok ${title}: ${found}` : `ok ${title}`);
    } catch (error) {
      this.#failed++;
      console.log(`FAILED ${title}: ${error.message}\n${error.stderr ?? ""}`);
    }
  }

  /** @param notes sentences that `.ci/run` repeats at its end. */
  end(notes = []) {
    for (const note of notes) console.log(`${this.#name}: ${note}`);
    const counts = { passed: this.#passed, failed: this.#failed, notes };
    writeReport(counts);
    console.log(`${this.#name}: ${counts.passed} checks passed, ${counts.failed} failed`);
    process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
  }
  /** Ends a program that cannot check anything here: that is no failure, and `.ci/run` repeats the reason at its end. */
  skip(reason) {
    writeReport({ passed: 0, failed: 0, isSkipped: true, notes: [`skipped: ${reason}`] });
    console.log(`${this.#name}: skipped: ${reason}`);
  }
}

function writeReport(counts) {
  const at = process.argv.indexOf("--report");
  if (at > 0) writeFileSync(process.argv[at + 1], JSON.stringify(counts));
}
