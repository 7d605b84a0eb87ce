/** `quern quantize --method rtn`, which computes nothing with the model. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-rounded-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("plain rounding loads no weights into the engine, and writes the same bytes within a limit and with two threads", () => {
  const written = ["", "--memory 30MB", "--threads 2"].map((more, index) => {
    const output = join(folder, String(index));
    const options = ["--method", "rtn", "--bits", "4", ...more.split(" ").filter((word) => word !== "")];
    const { status, stderr } = quern(["quantize", TINY_MODEL, "--output", output, ...options]);
    expect(status).toBe(0);
    expect(stderr).toContain("quern: hash");
    expect(stderr).not.toContain("quern: load");
    return readFileSync(join(output, "model.safetensors"));
  });
  for (const other of written) expect(other.equals(written[0])).toBe(true);
});
