// Answers `POST /generate` with text while the model writes it, and `GET /memory` with the bytes that the worker holds.
import config from "model/config.json";
import generation from "model/generation_config.json";
import weights from "model/model.safetensors";
import tokenizer from "model/tokenizer.json";
import { loadModel, QuernError, UsageError } from "quern";

/** The model is a part of the worker: buffers, which loading reads where they are. */
const FILES = {
  "config.json": config,
  "generation_config.json": generation,
  "model.safetensors": weights,
  "tokenizer.json": tokenizer,
};
const FIELDS = ["prompt", "maxTokens", "temperature", "topP", "seed"];
const MOST_BODY_BYTES = 65_536;
/** Texts that are written at a time. Each has a session in the engine's memory, so their number bounds the memory. */
const MOST_TEXTS = 4;
/** Memory that a hosted edge gives one worker. */
const LIMIT_BYTES = 128e6;
const STATUS = { USAGE: 400, BUSY: 503, MEMORY: 503 };

class BusyError extends QuernError {
  name = "BusyError";
  code = "BUSY";
}

const encoder = new TextEncoder();
let loading;
let texts = 0;

/** The model, loaded at the first request. Loading goes on if the client of that request goes, because later requests wait for it too. */
function openModel(context) {
  if (loading === undefined) {
    loading = loadModel(FILES);
    context.waitUntil(loading);
  }
  return loading;
}

/** The prompt, and options that `generate` checks. */
async function readBody(request) {
  const length = request.headers.get("content-length");
  const room = `at most ${MOST_BODY_BYTES} bytes, announced in content-length`;
  if (length === null) throw new UsageError("body", "no content-length", room);
  if (Number(length) > MOST_BODY_BYTES) throw new UsageError("body", `${length} bytes`, room);
  const body = await request.json().catch(() => undefined);
  if (typeof body?.prompt !== "string") throw new UsageError("body", "no JSON object with a text as `prompt`", "one");
  const stranger = Object.keys(body).find((name) => !FIELDS.includes(name));
  if (stranger !== undefined) throw new UsageError("body", `the field ${stranger}`, `only ${FIELDS.join(", ")}`);
  return body;
}

/** The bytes of a text, piece by piece. Leaving it early frees the memory of its session. */
async function* write(context, model, { prompt, ...options }) {
  if (texts === MOST_TEXTS)
    throw new BusyError(`texts: ${texts} are being written, which is the most; ask again later`);
  const { promise, resolve } = Promise.withResolvers();
  // A host may drop what a request began when its client goes, and then the text would never be counted down.
  context.waitUntil(promise);
  texts++;
  try {
    for await (const { text } of model.generate(prompt, options)) if (text !== "") yield encoder.encode(text);
  } finally {
    texts--;
    resolve();
  }
}

/** A stream of pieces, which ends them when the client goes. */
async function streamOf(pieces) {
  // What is wrong with a request shows before its first piece, while the status of the answer can still be chosen.
  let next = await pieces.next();
  return new ReadableStream({
    async pull(controller) {
      next ??= await pieces.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
      next = undefined;
    },
    cancel: () => pieces.return(),
  });
}

async function generate(request, context) {
  const body = await readBody(request);
  const stream = await streamOf(write(context, await openModel(context), body));
  return new Response(stream, { headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** Bytes of the engine's memory, which never shrinks, what of it is in use, and the model's files. */
async function memory(context) {
  const { machine } = await openModel(context);
  const engine = machine.memory.buffer.byteLength;
  const files = Object.values(FILES).reduce((sum, { byteLength }) => sum + byteLength, 0);
  const inUse = machine.arena.used;
  return Response.json({ bytes: engine + files, limit: LIMIT_BYTES, engine, inUse, files, texts });
}

function failure(error, status = STATUS[error.code] ?? 500) {
  const { name, code = "INTERNAL", message, details = {} } = error;
  return Response.json({ error: { name, code, message, details } }, { status });
}

export default {
  async fetch(request, _, context) {
    const asked = `${request.method} ${new URL(request.url).pathname}`;
    try {
      if (asked === "POST /generate") return await generate(request, context);
      if (asked === "GET /memory") return await memory(context);
      return failure(new UsageError("request", asked, "POST /generate or GET /memory"), 404);
    } catch (error) {
      return failure(error);
    }
  },
};
