import { describe, expect, it } from "vitest";
import { hubReferenceOf, isSafePath, parseHubReference, shownReference } from "../../../src/files/hub/hub-reference.ts";

describe("parseHubReference", () => {
  it.each([
    ["hf:owner/name", { owner: "owner", name: "name", revision: "main", path: "" }],
    ["hf://owner/na-me.v1_2", { owner: "owner", name: "na-me.v1_2", revision: "main", path: "" }],
    ["hf:owner/name@v1.0", { owner: "owner", name: "name", revision: "v1.0", path: "" }],
    ["hf:owner/name@refs/pr/3", { owner: "owner", name: "name", revision: "refs/pr/3", path: "" }],
    ["hf:owner/name/a-Q4_0.gguf", { owner: "owner", name: "name", revision: "main", path: "a-Q4_0.gguf" }],
    ["hf:owner/name/Q4/a.gguf@v1", { owner: "owner", name: "name", revision: "v1", path: "Q4/a.gguf" }],
    ["hf:owner/name@v1/Q4/a.gguf", { owner: "owner", name: "name", revision: "v1", path: "Q4/a.gguf" }],
    ["hf:owner/name@refs/pr/3/a.gguf", { owner: "owner", name: "name", revision: "refs/pr/3", path: "a.gguf" }],
    ["hf:owner/name/folder/", { owner: "owner", name: "name", revision: "main", path: "folder" }],
  ])("reads %s", (text, expected) => {
    expect(parseHubReference(text)).toEqual(expected);
    expect(parseHubReference(shownReference(parseHubReference(text)))).toEqual(expected);
  });

  it.each([
    "hf:",
    "hf:owner",
    "hf:owner/",
    "hf:/name",
    "hf:../name",
    "hf:owner/..",
    "hf:owner/a--b",
    "hf:owner/name/../../x.gguf",
    "hf:owner/name@",
    "hf:owner/name@../main",
    "hf:owner/name@a@b",
    "hf:owner/name@a\\b",
    "hf:owner/na me",
    "hf:owner/name?x=1",
    "hf:owner//name",
    `hf:owner/name@${"a".repeat(2000)}`,
  ])("refuses %s", (text) => {
    expect(() => parseHubReference(text)).toThrow(/expected hf:OWNER\/NAME/);
  });
});

describe("hubReferenceOf", () => {
  it.each([
    ["https://huggingface.co/owner/name", "hf:owner/name@main"],
    ["https://hf.co/owner/name/", "hf:owner/name@main"],
    ["https://huggingface.co/owner/name/tree/refs%2Fpr%2F3", "hf:owner/name@refs/pr/3"],
    ["https://huggingface.co/owner/name/blob/main/Q4/a%20b.gguf?x=1", "hf:owner/name/Q4/a b.gguf@main"],
    ["hf:owner/name", "hf:owner/name"],
  ])("reads %s", (text, expected) => {
    expect(hubReferenceOf(text)).toBe(expected);
    if (!text.startsWith("hf:")) expect(hubReferenceOf(new URL(text))).toBe(expected);
  });

  it.each([
    "https://huggingface.co/owner/name/resolve/main/a.gguf",
    "https://huggingface.co/datasets/name",
    "https://huggingface.co/",
    "https://example.org/owner/name",
    "models/owner",
  ])("leaves %s", (text) => {
    expect(hubReferenceOf(text)).toBeUndefined();
  });
});

describe("isSafePath", () => {
  it.each(["", ".", "..", "a/../b", "/a", "a/", "a//b", "a\\b", "C:a", "a\0b", "a\nb"])("refuses %j", (path) => {
    expect(isSafePath(path)).toBe(false);
  });
  it.each(["a", "a/b.json", "...", "a..b"])("allows %j", (path) => {
    expect(isSafePath(path)).toBe(true);
  });
});
