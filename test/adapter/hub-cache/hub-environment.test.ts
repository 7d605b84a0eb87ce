import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hubEnvironment } from "../../../src/adapter/hub-cache/hub-environment.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "quern-home-"));
});
afterEach(() => rmSync(home, { recursive: true }));

describe("hubEnvironment", () => {
  it("has the places of the hub's own programs as defaults", () => {
    expect(hubEnvironment({}).cache).toBe(join(homedir(), ".cache/huggingface/hub"));
    expect(hubEnvironment({ XDG_CACHE_HOME: "/x" }).cache).toBe("/x/huggingface/hub");
    expect(hubEnvironment({ HF_HOME: "/h", XDG_CACHE_HOME: "/x" }).cache).toBe("/h/hub");
    expect(hubEnvironment({ HF_HUB_CACHE: "~/c", HF_HOME: "/h" }).cache).toBe(`${homedir()}/c`);
    expect(hubEnvironment({ HF_HUB_CACHE: "$DISK/$NAME", DISK: "/d", NAME: "n" }).cache).toBe("/d/n");
  });

  it("takes the token from HF_TOKEN, or from the file of a login", () => {
    expect(hubEnvironment({ HF_HOME: home }).token).toBeUndefined();
    writeFileSync(join(home, "token"), "hf_file\n");
    expect(hubEnvironment({ HF_HOME: home }).token).toBe("hf_file");
    expect(hubEnvironment({ HF_HOME: home, HF_TOKEN: " hf_own\n" }).token).toBe("hf_own");
    writeFileSync(join(home, "other"), "hf_other");
    expect(hubEnvironment({ HF_HOME: home, HF_TOKEN_PATH: join(home, "other") }).token).toBe("hf_other");
  });

  it.each([
    ["1", true],
    ["true", true],
    ["ON", true],
    ["0", false],
    ["", false],
    [undefined, false],
  ])("reads HF_HUB_OFFLINE=%s", (value, offline) => {
    expect(hubEnvironment({ HF_HUB_OFFLINE: value, HF_ENDPOINT: "http://hub" })).toMatchObject({
      offline,
      endpoint: "http://hub",
    });
  });
});
