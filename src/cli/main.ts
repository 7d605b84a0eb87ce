#!/usr/bin/env node
/** The program `quern`: connects the command line to the process it runs in. */
import { fileError } from "../adapter/file-errors.ts";
import { runProgram } from "./program.ts";

// A reader that closes the pipe early (`quern ... | head`) is not a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`quern: FILE: ${fileError("stdout", error).message}\n`);
  process.exit(1);
});
// The work goes on even if notes cannot be written.
process.stderr.on("error", () => {});

const interruption = new AbortController();
process.on("SIGINT", () => {
  // The second Ctrl-C does not wait for the work to end.
  if (interruption.signal.aborted) process.exit(130);
  interruption.abort(new DOMException("interrupted", "AbortError"));
});

process.exitCode = await runProgram(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
});
