/** A server of the smallest model, with a chat template, and requests to it without a network. */
import { bytesSource, type FolderSource } from "../../src/files/source.ts";
import { type LanguageModel, loadModel } from "../../src/index.ts";
import { createServer, type HttpServer, type ServerOptions } from "../../src/server.ts";
import { tinyFolder } from "../helpers/tiny-model.ts";

export const TEMPLATE =
  "{% for tool in tools or [] %}[tool {{ tool.function.name }}]{% endfor %}" +
  "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}assistant: {% endif %}";

async function chatFolder(): Promise<FolderSource> {
  const files = await tinyFolder();
  const tokens = { bos_token: "<|endoftext|>", eos_token: "<|endoftext|>" };
  const added = new Map([
    ["chat_template.jinja", TEMPLATE],
    ["tokenizer_config.json", JSON.stringify(tokens)],
  ]);
  return {
    ...files,
    list: async () => [...(await files.list()), ...added.keys()],
    open: async (name) => {
      const text = added.get(name);
      return text === undefined ? files.open(name) : bytesSource(name, new TextEncoder().encode(text));
    },
  };
}

export async function loadTiny(): Promise<LanguageModel> {
  return loadModel(await chatFolder());
}

export function tinyServer(options: Partial<ServerOptions> = {}): HttpServer {
  return createServer({ models: { tiny: loadTiny }, ...options });
}

export interface Asking {
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends a POST with a body: a document, or a text as it is. */
export function post(server: HttpServer, path: string, body: unknown, asking: Asking = {}): Promise<Response> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return server.fetch(new Request(`http://server${path}`, { method: "POST", body: text, ...asking }));
}

export function get(server: HttpServer, path: string, asking: Asking = {}): Promise<Response> {
  return server.fetch(new Request(`http://server${path}`, asking));
}

/** Any document of the API. Tests compare its parts. */
// biome-ignore lint/suspicious/noExplicitAny: the shapes are what is tested
export type Document = any;

/** The answer to a POST. */
export async function ask(server: HttpServer, path: string, body: unknown): Promise<Document> {
  return (await post(server, path, body)).json();
}

/** The events of a stream, without the one that ends it. */
export async function eventsOf(response: Response): Promise<Document[]> {
  const events = (await response.text()).split("\n\n").filter((event) => event !== "");
  if (events.pop() !== "data: [DONE]") throw new Error("a stream without its end");
  return events.map((event) => JSON.parse(event.slice("data: ".length)));
}

export const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
