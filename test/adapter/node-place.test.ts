import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { realPlace, requireApart } from "../../src/adapter/node-place.ts";

let root: string;
const at = (...names: readonly string[]) => join(root, ...names);
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "quern-place-")));
  await mkdir(at("model"));
  await writeFile(at("model", "model.safetensors"), "weights");
  await writeFile(at("text.txt"), "text");
  return () => rm(root, { recursive: true });
});

describe("realPlace", () => {
  it("follows links of what exists, of its nearest parent, and of a link that leads nowhere yet", async () => {
    await symlink(at("model"), at("link"));
    await symlink("model/new", at("ahead"));
    expect(await realPlace(at("link", "model.safetensors"))).toBe(at("model", "model.safetensors"));
    expect(await realPlace(at("link", "deep", "new"))).toBe(at("model", "deep", "new"));
    expect(await realPlace(at("ahead"))).toBe(at("model", "new"));
    expect(await realPlace(at("none", "x"))).toBe(at("none", "x"));
  });

  it("names the path where links lead in a circle", async () => {
    await symlink(at("b"), at("a"));
    await symlink(at("a"), at("b"));
    await expect(realPlace(at("a"))).rejects.toMatchObject({ code: "FILE", message: expect.stringContaining(at("a")) });
  });
});

describe("requireApart", () => {
  const apart = (output: string, ...inputs: readonly string[]) => requireApart([output], inputs);

  it.each([
    ["the input itself", () => at("model"), "is"],
    ["it by another spelling", () => `${root}/model/../model/./`, "is"],
    ["it by way of a folder that is not there", () => `${root}/none/../model`, "is"],
    ["a file of it that exists", () => at("model", "model.safetensors"), "lies inside"],
    ["one that does not exist yet", () => at("model", "new", "deep"), "lies inside"],
    ["a folder that holds it", () => root, "holds"],
  ])("refuses %s", async (_, output, relation) => {
    await expect(apart(output(), at("model"))).rejects.toMatchObject({
      code: "FILE",
      message: `${output()}: ${relation} ${at("model")}, which is read, expected a place of its own; choose another name`,
    });
  });

  it("refuses them through links, on either side", async () => {
    await symlink(at("model"), at("link"));
    await symlink(at("model", "new"), at("ahead"));
    await mkdir(at("other", "side"), { recursive: true });
    await symlink(at("model"), at("other", "side", "up"));
    for (const output of [at("link"), at("link", "new"), at("ahead"), at("other", "side", "up", "x")])
      await expect(apart(output, at("model"))).rejects.toThrow("which is read");
    await expect(apart(at("model", "x"), at("link"))).rejects.toThrow("lies inside");
    // The system goes up from where a link leads, people read it otherwise: neither may hit.
    await expect(apart(`${at("other", "side", "up")}/../model`, at("model"))).rejects.toThrow("is ");
    await expect(apart(`${at("link")}/../text.txt`, at("text.txt"))).rejects.toThrow("is ");
  });

  it("refuses what a link in an input leads to", async () => {
    await mkdir(at("snapshot"));
    await symlink(at("model", "model.safetensors"), at("snapshot", "model.safetensors"));
    await expect(apart(at("model", "model.safetensors"), at("snapshot"))).rejects.toThrow("which is read");
    await expect(apart(at("model"), at("snapshot"))).rejects.toThrow("holds");
  });

  it("refuses outputs in each other's way", async () => {
    await expect(requireApart([at("out"), at("out")], [])).rejects.toThrow("is ");
    await expect(requireApart([at("out"), at("out", "x")], [])).rejects.toThrow("which is written too");
  });

  it("allows what lies beside, names that begin alike, stdin, and what was not asked for", async () => {
    await apart(at("model2"), at("model"));
    await apart(at("model.partial"), at("model"), at("text.txt"));
    await requireApart([undefined, at("new")], ["-", undefined, at("model"), at("none")]);
  });
});
