import { expect, it } from "vitest";
import { withFile } from "../../../src/cli/input/input-file.ts";
import type { ByteSource } from "../../../src/files/source.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const PATH = repositoryFile("package.json");

it("withFile hands on what was read, and closes the file", async () => {
  const [byte, source] = await withFile(PATH, async (source) => {
    const into = new Uint8Array(1);
    await source.read(0, into);
    return [into[0], source] as const;
  });
  expect(byte).toBe("{".charCodeAt(0));
  await expect(source.read(0, new Uint8Array(1))).rejects.toThrow();
});

it("withFile closes the file where reading fails", async () => {
  let seen: ByteSource | undefined;
  const reading = withFile(PATH, (source) => {
    seen = source;
    throw new Error("no good");
  });
  await expect(reading).rejects.toThrow("no good");
  await expect(seen!.read(0, new Uint8Array(1))).rejects.toThrow();
});
