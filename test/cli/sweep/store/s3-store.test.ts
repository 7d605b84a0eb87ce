import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openStore } from "../../../../src/cli/sweep/store/open-store.ts";

/** What a bucket answers: objects whole, lists two keys at a time, and nothing that is not signed. */
function bucketServer(objects: Map<string, Buffer>): Server {
  return createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const body = Buffer.concat(pieces);
    const url = new URL(request.url as string, "http://host");
    const end = (status: number, text: Buffer | string = "") => response.writeHead(status).end(text);
    const signature = /^AWS4-HMAC-SHA256 Credential=key\/\d{8}\/us-east-1\/s3\/aws4_request, .*Signature=[0-9a-f]{64}$/;
    if (!signature.test(request.headers.authorization ?? ""))
      return end(403, "<Error><Code>AccessDenied</Code></Error>");
    const key = decodeURIComponent(url.pathname.replace(/^\/bucket\/?/, ""));
    if (key === "" && url.searchParams.get("list-type") === "2") {
      const keys = [...objects.keys()].sort().filter((each) => each.startsWith(url.searchParams.get("prefix") ?? ""));
      const from = Number(url.searchParams.get("continuation-token") ?? 0);
      const shown = keys.slice(from, from + 2).map((each) => `<Key>${each.replaceAll("&", "&amp;")}</Key>`);
      const next = from + 2 < keys.length ? `<NextContinuationToken>${from + 2}</NextContinuationToken>` : "";
      return end(200, `<ListBucketResult>${shown.join("")}${next}</ListBucketResult>`);
    }
    if (request.method === "PUT") {
      if (Number(request.headers["content-length"]) !== body.length)
        return end(411, "<Code>MissingContentLength</Code>");
      objects.set(key, body);
      return end(200);
    }
    const found = objects.get(key);
    return found === undefined ? end(404, "<Code>NoSuchKey</Code>") : end(200, request.method === "HEAD" ? "" : found);
  });
}

describe("a store in a bucket", () => {
  const objects = new Map<string, Buffer>();
  let server: Server;
  let folder: string;
  beforeEach(async () => {
    objects.clear();
    folder = mkdtempSync(join(tmpdir(), "quern-s3-"));
    server = bucketServer(objects);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    vi.stubEnv("AWS_ACCESS_KEY_ID", "key");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
    vi.stubEnv("AWS_REGION", "us-east-1");
    vi.stubEnv("AWS_ENDPOINT_URL_S3", `http://127.0.0.1:${port}/`);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it("keeps texts and files under its prefix, and lists them page by page", async () => {
    const store = await openStore("s3://bucket/my/study/");
    expect(await store.text("results/a.json")).toBeUndefined();
    for (const name of ["a", "b & c", "d", "e", "f"]) await store.writeText(`results/${name}`, `text of ${name}`);
    expect(objects.get("my/study/results/b & c")?.toString()).toBe("text of b & c");
    expect(await store.text("results/b & c")).toBe("text of b & c");
    expect(await store.list("results")).toEqual(["a", "b & c", "d", "e", "f"]);
    expect(await store.list("none")).toEqual([]);
    const bytes = Buffer.alloc(300_000, "quern");
    writeFileSync(join(folder, "file"), bytes);
    await store.upload("blobs/b", join(folder, "file"));
    await store.download("blobs/b", join(folder, "deep/copy"));
    expect(readFileSync(join(folder, "deep/copy")).equals(bytes)).toBe(true);
    expect([await store.has("blobs/b"), await store.has("blobs/c")]).toEqual([true, false]);
  });

  it("tells what the server answers, and no key", async () => {
    const store = await openStore("s3://bucket");
    await expect(store.download("blobs/none", join(folder, "copy"))).rejects.toThrow(
      "s3://bucket/blobs/none: found no such object",
    );
    vi.stubEnv("AWS_ACCESS_KEY_ID", "other");
    await expect((await openStore("s3://bucket")).text("a")).rejects.toThrow(
      "s3://bucket/a: found status 403 AccessDenied",
    );
  });

  it("asks for the keys of the bucket", async () => {
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", "");
    await expect(openStore("s3://bucket")).rejects.toThrow("AWS_SECRET_ACCESS_KEY");
    await expect(openStore("s3://")).rejects.toThrow("expected s3://BUCKET");
  });
});
