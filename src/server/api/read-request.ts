/** Reads the body of a request: bytes up to a limit, JSON, then a schema. */
import * as v from "valibot";
import { FormatError } from "../../base/errors.ts";
import { type JsonValue, parseJsonBytes } from "../../base/json.ts";
import { type PathItem, schemaError } from "../../base/schema-error.ts";
import { ApiError } from "./api-error.ts";

const MAX_DEPTH = 64;

/** @throws ApiError with status 413 for more than `most` bytes, 400 for what is no JSON. */
export async function readJsonBody(request: Request, most: number): Promise<JsonValue> {
  const bytes = await readBytes(request, most);
  try {
    return parseJsonBytes(bytes, "request", { maxBytes: most, maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ApiError({ status: 400, message: error.message, code: "invalid_json" });
  }
}

async function readBytes({ body, headers }: Request, most: number): Promise<Uint8Array> {
  if (Number(headers.get("content-length")) > most) throw tooLarge(most);
  const parts: Uint8Array[] = [];
  let length = 0;
  if (body !== null) {
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      length += value.byteLength;
      if (length > most) {
        await reader.cancel();
        throw tooLarge(most);
      }
      parts.push(value);
    }
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function tooLarge(most: number): ApiError {
  const message = `request: found a body that is too large, expected at most ${most} bytes`;
  return new ApiError({ status: 413, message, code: "body_too_large" });
}

/** What a schema gives of a JSON document. @throws ApiError naming the field. */
export function checkBody<S extends v.GenericSchema>(schema: S, json: JsonValue): v.InferOutput<S> {
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const { issues } = result;
  const fieldsAt = (path: readonly PathItem[]) => (path.length === 1 ? knownFields(schema) : []);
  const issue = issues.find(({ type, expected }) => type === "strict_object" && expected === "never") ?? issues[0];
  const param = issue.path?.map(({ key }) => String(key)).join(".");
  const { message } = schemaError(issues as Parameters<typeof schemaError>[0], { where: "request", fieldsAt });
  throw new ApiError({ status: 400, message, param });
}

function knownFields(schema: unknown): readonly string[] {
  return Object.keys((schema as { readonly entries?: object }).entries ?? {});
}
