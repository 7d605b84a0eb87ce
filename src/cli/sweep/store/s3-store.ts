/** A store in a bucket of S3 or of a server that speaks its protocol. Signatures and repeated tries are those of `aws4fetch`. */
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import type { AwsClient } from "aws4fetch";
import { withFileErrors } from "../../../adapter/file-errors.ts";
import { RemoteError, UsageError } from "../../../base/errors.ts";
import { explainMissing } from "../../session/optional-package.ts";
import { placeWhole } from "./folder-store.ts";
import type { Store } from "./store.ts";

const REGION = "us-east-1";

/** `s3://BUCKET/PREFIX`. Keys, region and server come from the variables that other clients read. @throws UsageError if one is missing. */
export async function s3Store(place: string): Promise<Store> {
  const [, bucket, prefix = ""] = /^s3:\/\/([^/]+)(?:\/+(.*?))?\/*$/.exec(place) ?? [];
  if (bucket === undefined) throw new UsageError("--store", place, "s3://BUCKET or s3://BUCKET/PREFIX");
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, ...env } = process.env;
  if (!accessKeyId || !secretAccessKey)
    throw new UsageError("--store", "no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "both in the environment");
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || REGION;
  const server = env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || `https://s3.${region}.amazonaws.com`;
  const { AwsClient } = await import("aws4fetch").catch(explainMissing("--store", "aws4fetch"));
  const sessionToken = env["AWS_SESSION_TOKEN"];
  const client = new AwsClient({ accessKeyId, secretAccessKey, sessionToken, region, service: "s3" });
  const bucketUrl = `${server.replace(/\/+$/, "")}/${bucket}`;
  return new S3Store(place, client, { bucketUrl, prefix: prefix === "" ? "" : `${prefix}/` });
}

class S3Store implements Store {
  readonly name: string;
  readonly #client: AwsClient;
  readonly #bucketUrl: string;
  readonly #prefix: string;

  constructor(
    name: string,
    client: AwsClient,
    { bucketUrl, prefix }: { readonly bucketUrl: string; readonly prefix: string },
  ) {
    this.name = name;
    this.#client = client;
    this.#bucketUrl = bucketUrl;
    this.#prefix = prefix;
  }

  async has(object: string): Promise<boolean> {
    return (await this.#ask(object, { method: "HEAD" })) !== undefined;
  }

  async text(object: string): Promise<string | undefined> {
    return (await this.#ask(object, {}))?.text();
  }

  async writeText(object: string, text: string): Promise<void> {
    await this.#ask(object, { method: "PUT", body: text });
  }

  async download(object: string, path: string): Promise<void> {
    const response = await this.#ask(object, {});
    if (response?.body == null) throw new RemoteError(`${this.name}/${object}`, "found no such object");
    const { body } = response;
    await placeWhole(path, (temporary) =>
      pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(temporary)),
    );
  }

  async upload(object: string, path: string): Promise<void> {
    const { size } = await withFileErrors(path, () => stat(path));
    const body = Readable.toWeb(createReadStream(path)) as BodyInit;
    const headers = { "content-length": String(size) };
    await this.#ask(object, { method: "PUT", body, headers, duplex: "half" } as RequestInit);
  }

  async list(folder: string): Promise<readonly string[]> {
    const prefix = `${this.#prefix}${folder}/`;
    const names: string[] = [];
    let more = "";
    do {
      const query = `?list-type=2&prefix=${encodeURIComponent(prefix)}${more}`;
      const page: string = await (await this.#fetch(query, {})).text();
      for (const [, key] of page.matchAll(/<Key>([^<]*)<\/Key>/g)) names.push(plain(key).slice(prefix.length));
      const [, token] = /<NextContinuationToken>([^<]*)</.exec(page) ?? [];
      more = token === undefined ? "" : `&continuation-token=${encodeURIComponent(plain(token))}`;
    } while (more !== "");
    return names;
  }

  /** The answer for an object; undefined if there is none. */
  async #ask(object: string, init: RequestInit): Promise<Response | undefined> {
    return this.#fetch(`/${`${this.#prefix}${object}`.split("/").map(encodeURIComponent).join("/")}`, init, true);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response>;
  async #fetch(path: string, init: RequestInit, mayMiss: true): Promise<Response | undefined>;
  async #fetch(path: string, init: RequestInit, mayMiss = false): Promise<Response | undefined> {
    const where = `${this.name}${path}`;
    const response = await this.#client.fetch(`${this.#bucketUrl}${path}`, init).catch((cause: Error) => {
      throw new RemoteError(where, `found no server that answers (${cause.message})`, { cause });
    });
    if (response.ok) return response;
    if (response.status === 404 && mayMiss) return undefined;
    const { status } = response;
    const code = /<Code>([^<]*)</.exec(await response.text())?.[1] ?? "";
    throw new RemoteError(where, `found status ${status} ${code}`.trim(), { status });
  }
}

/** A text of XML as it was. */
function plain(xml: string): string {
  return xml.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => PLAIN[name]);
}

const PLAIN: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
