/** Models for the examples of the documents: the first layers of the real ones, so that every example takes seconds. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryFile } from "./shared.ts";

const LAYERS = 2;

/** Every model of `models/` under its own name in `folder`, with two of its six layers; tokenizer and the rest as they are. */
export function writeSmallModels(folder: string): void {
  const models = readdirSync(repositoryFile("models"), { withFileTypes: true });
  for (const { name } of models.filter((entry) => entry.isDirectory() && entry.name.startsWith("fable-"))) {
    const [from, to] = [repositoryFile(`models/${name}`), join(folder, name)];
    mkdirSync(to, { recursive: true });
    for (const file of readdirSync(from).filter((each) => /^(?:generation_|tokenizer).*\.json$/.test(each)))
      cpSync(join(from, file), join(to, file));
    const config = JSON.parse(readFileSync(join(from, "config.json"), "utf8")) as object;
    writeFileSync(join(to, "config.json"), JSON.stringify({ ...config, num_hidden_layers: LAYERS }));
    writeFileSync(join(to, "model.safetensors"), firstLayers(readFileSync(join(from, "model.safetensors"))));
  }
}

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;

/** The same file without the tensors of later layers. */
function firstLayers(file: Buffer): Buffer {
  const start = 8 + Number(file.readBigUInt64LE(0));
  const { __metadata__, ...tensors } = JSON.parse(file.toString("utf8", 8, start)) as Header;
  const kept: Header = {};
  const parts: Buffer[] = [];
  let at = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (Number(/\.layers\.(\d+)\./.exec(name)?.[1] ?? 0) >= LAYERS) continue;
    const part = file.subarray(start + tensor.data_offsets[0], start + tensor.data_offsets[1]);
    kept[name] = { ...tensor, data_offsets: [at, at + part.length] };
    parts.push(part);
    at += part.length;
  }
  const json = JSON.stringify({ ...(__metadata__ && { __metadata__ }), ...kept });
  const header = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([size, header, ...parts]);
}
