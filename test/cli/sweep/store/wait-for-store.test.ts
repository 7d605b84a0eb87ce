import { describe, expect, it } from "vitest";
import { fileError } from "../../../../src/adapter/file-errors.ts";
import { RemoteError } from "../../../../src/base/errors.ts";
import { writeWhenRoom } from "../../../../src/cli/sweep/store/wait-for-store.ts";

const systemError = (code: string) => fileError("/store/results/a.json", Object.assign(new Error(code), { code }));

/** A write that fails with these errors first. */
function failing(errors: readonly Error[]) {
  const left = [...errors];
  const found = { writes: 0 };
  const write = async () => {
    found.writes++;
    const error = left.shift();
    if (error !== undefined) throw error;
  };
  return { found, write };
}

describe("a write to a store that is full or away", () => {
  it.each([
    ["a full disk", systemError("ENOSPC")],
    ["a quota that is used up", systemError("EDQUOT")],
    ["a server that has no room", new RemoteError("s3://b/a", "found status 507", { status: 507 })],
    ["a server that does not answer", new RemoteError("s3://b/a", "found no server that answers")],
  ])("is tried again after %s, which is told once", async (_, error) => {
    const notes: string[] = [];
    const { found, write } = failing([error, error, error]);
    const wish = { note: (message: string) => void notes.push(message), signal: new AbortController().signal };
    await writeWhenRoom(write, { ...wish, lookMs: 1 });
    expect(found.writes).toBe(4);
    expect(notes).toEqual([`${error.message}; what was computed is kept here and written as soon as it can be`]);
  });

  it.each([
    systemError("EACCES"),
    new RemoteError("s3://b/a", "found status 403", { status: 403 }),
    new Error("found no such thing"),
  ])("fails at once with %s, which does not pass", async (error) => {
    const { found, write } = failing([error]);
    await expect(writeWhenRoom(write, { note: () => {}, signal: new AbortController().signal })).rejects.toBe(error);
    expect(found.writes).toBe(1);
  });

  it("ends when the job is put back", async () => {
    const stop = new AbortController();
    const { write } = failing(Array.from({ length: 9 }, () => systemError("ENOSPC")));
    const waiting = writeWhenRoom(write, { note: () => stop.abort(), signal: stop.signal });
    await expect(waiting).rejects.toThrow("aborted");
  });
});
