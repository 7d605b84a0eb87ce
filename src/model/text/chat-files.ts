/** Finds the chat templates of a model, and the special tokens that they may use. */
import { FileError, FormatError } from "../../base/errors.ts";
import { describeJson, isObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import { readJsonObject } from "../../files/json-file.ts";
import { type FolderSource, readAll, refuseLfsPointer } from "../../files/source.ts";
import { ChatTemplate, type NamedTemplate, type TemplateVariables } from "../../text/chat/chat-template.ts";
import { type ChatSource, readOnce } from "./text-parts.ts";

const FILE = "chat_template.jinja";
const MORE_FILES = /^additional_chat_templates\/([^/]+)\.jinja$/;
const MAX_BYTES = 1_000_000;

interface TemplateFiles {
  readonly templates: readonly NamedTemplate[];
  readonly specialTokens: TemplateVariables;
}

/** The templates of a folder in Hugging Face layout. */
export function folderChat(folder: FolderSource): ChatSource {
  return chatSource(
    folder.name,
    readOnce(() => readTemplateFiles(folder)),
  );
}

/** Names of the templates in a folder; none of them is compiled. */
export async function chatTemplateNames(folder: FolderSource): Promise<readonly string[]> {
  return (await readTemplateFiles(folder)).templates.map(({ name }) => name);
}

/** The templates in a tokenizer_config.json, such as the one that is made from a GGUF file; `where` names the file. */
export function configChat(where: string, config: () => Promise<JsonObject | undefined>): ChatSource {
  const read = async () => {
    const json = await config();
    return { templates: templatesIn(json, where), specialTokens: specialTokensOf(json) };
  };
  return chatSource(where, readOnce(read));
}

function chatSource(where: string, read: () => Promise<TemplateFiles>): ChatSource {
  const usual = readOnce(async () => {
    const { templates, specialTokens } = await read();
    if (templates.length > 0) return ChatTemplate.open(templates, specialTokens);
    const places = `${FILE}, chat_template in tokenizer_config.json, chat_template.json`;
    throw new FileError(
      where,
      `found no chat template (${places}), expected one; give a template with the call (--template)`,
    );
  });
  return {
    async template({ name, source } = {}) {
      if (source === undefined && name === undefined) return usual();
      const { templates, specialTokens } = await read();
      if (source === undefined) return ChatTemplate.open(templates, specialTokens, name);
      return ChatTemplate.open([{ name: "default", source, where: name ?? "template" }], specialTokens);
    },
  };
}

/** A file of its own replaces what tokenizer_config.json says, as in transformers; chat_template.json is the last choice. */
async function readTemplateFiles(folder: FolderSource): Promise<TemplateFiles> {
  const config = await readJsonObject(folder, "tokenizer_config.json");
  const specialTokens = {
    ...specialTokensOf(await readJsonObject(folder, "special_tokens_map.json")),
    ...specialTokensOf(config),
  };
  const files = await readJinjaFiles(folder);
  const inConfig = templatesIn(config, `${folder.name}/tokenizer_config.json`);
  const hasDefault = files.some(({ name }) => name === "default");
  const found = hasDefault
    ? files
    : [...inConfig.filter((one) => !files.some(({ name }) => name === one.name)), ...files];
  if (found.length > 0) return { templates: found, specialTokens };
  const json = await readJsonObject(folder, "chat_template.json");
  return { templates: templatesIn(json, `${folder.name}/chat_template.json`), specialTokens };
}

async function readJinjaFiles(folder: FolderSource): Promise<NamedTemplate[]> {
  const found: NamedTemplate[] = [];
  for (const file of await folder.list()) {
    const name = file === FILE ? "default" : MORE_FILES.exec(file)?.[1];
    if (name === undefined) continue;
    const where = `${folder.name}/${file}`;
    const source = await folder.open(file);
    if (source === undefined) continue;
    const bytes = await readAll(source, MAX_BYTES);
    await source.close?.();
    refuseLfsPointer(bytes, where);
    found.push({ name, where, source: decodeTemplate(bytes, where) });
  }
  return found;
}

/** @throws FormatError for bytes that are not UTF-8. */
export function decodeTemplate(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new FormatError(where, "found bytes that are not UTF-8, expected a template", { cause });
  }
}

/** `chat_template` is a text, or a list of `{ name, template }`. */
function templatesIn(json: JsonObject | undefined, file: string): NamedTemplate[] {
  const value = json?.["chat_template"];
  const where = `${file}: chat_template`;
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return [{ name: "default", source: value, where }];
  if (!Array.isArray(value)) throw new FormatError(where, `found ${describeJson(value)}, expected a text or a list`);
  return value.map((entry: JsonValue, i) => {
    const { name, template } = isObject(entry) ? entry : {};
    if (typeof name === "string" && typeof template === "string")
      return { name, source: template, where: `${where} ${JSON.stringify(name)}` };
    throw new FormatError(`${where}[${i}]`, `found ${describeJson(entry)}, expected { name, template } of two texts`);
  });
}

/** The fields `bos_token`, `eos_token` and so on: a text, or an object that has it as `content`. */
function specialTokensOf(config: JsonObject | undefined): TemplateVariables {
  const found: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config ?? {})) {
    const token = isObject(value) ? value["content"] : value;
    if (/^[a-z_]+_token$/.test(key) && typeof token === "string") found[key] = token;
  }
  const extra = config?.["extra_special_tokens"];
  if (isObject(extra))
    for (const [key, token] of Object.entries(extra)) if (typeof token === "string") found[key] = token;
  const more = config?.["additional_special_tokens"];
  if (Array.isArray(more)) found["additional_special_tokens"] = more.filter((token) => typeof token === "string");
  return found;
}
