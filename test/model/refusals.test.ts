/** What is wrong with a folder or a call is said before it can do harm: by the right error, naming the place. */
import { describe, expect, it } from "vitest";
import {
  FileError,
  FormatError,
  NumericsError,
  type QuernError,
  ShapeError,
  UnsupportedError,
  UsageError,
} from "../../src/base/errors.ts";
import { Turns } from "../../src/base/turns.ts";
import type { FolderSource } from "../../src/files/source.ts";
import { Model, readModelFiles } from "../../src/model/model.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { brokenFolder, type Files, type Header, withConfig, withTensors } from "./broken-folder.ts";
import { openModel } from "./cases.ts";

const MIXTRAL = "test/fixtures/families/mixtral-window-bf16";
const DEEPSEEK = "test/fixtures/families/deepseek-f16";
const PACKED = "test/fixtures/gptq-checkpoints/mixtral-b4-g64";

type Failure = new (...args: never[]) => QuernError;

async function load(folder: FolderSource): Promise<void> {
  await using _ = await Model.open(await readModelFiles(folder), await createMachine());
}

async function expectFailure(run: Promise<unknown>, kind: Failure, message: string): Promise<void> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(kind);
  expect((error as Error).message).toContain(message);
}

function rename(header: Header, from: string, to: string): void {
  header[to] = header[from];
  delete header[from];
}

const mixtral = (change: (files: Files) => void) => load(brokenFolder(MIXTRAL, change));

const ROUTER = "model.layers.1.block_sparse_moe.gate.weight";
const DOWN = "model.layers.2.block_sparse_moe.experts.3.w2.weight";
const NORM = "model.layers.0.input_layernorm.weight";
const EMBEDDING = "model.embed_tokens.weight";

describe("readModelFiles", () => {
  it("opens the folder that the others are broken copies of", async () => {
    await load(brokenFolder(MIXTRAL, () => {}));
    await load(brokenFolder(DEEPSEEK, () => {}));
  });

  it("misses config.json", async () => {
    const change = (files: Files) => void delete files["config.json"];
    await expectFailure(mixtral(change), FileError, "broken/config.json: found no such file");
  });

  it.each<[string, string]>([
    ["{", "line 1, column 2"],
    ["[]", "found an array, expected a JSON object"],
    ['{"model_type":"mixtral","model_type":"deepseek"}', "a second time"],
  ])("refuses the configuration %s", async (text, message) => {
    const change = (files: Files) => {
      files["config.json"] = new TextEncoder().encode(text);
    };
    await expectFailure(mixtral(change), FormatError, message);
  });

  it.each<[Record<string, unknown>, Failure, string]>([
    [{ model_type: undefined }, FormatError, "model_type: found nothing"],
    [{ model_type: 3 }, FormatError, "model_type: found 3"],
    [{ model_type: "gpt2" }, UnsupportedError, "model_type: found gpt2, expected one of mixtral, deepseek"],
    [{ hidden_act: "gelu" }, UnsupportedError, 'hidden_act: found "gelu"'],
    [{ hidden_size: undefined }, FormatError, "hidden_size: found nothing"],
    [{ hidden_size: "80" }, FormatError, 'hidden_size: found "80"'],
    [{ vocab_size: -1 }, FormatError, "vocab_size: found -1"],
    [{ num_hidden_layers: 1.5 }, FormatError, "num_hidden_layers: found 1.5"],
    [{ rms_norm_eps: 0 }, FormatError, "rms_norm_eps: found 0"],
    [{ tie_word_embeddings: "no" }, FormatError, 'tie_word_embeddings: found "no"'],
    [{ num_experts_per_tok: 5 }, FormatError, "num_experts_per_tok: found 5"],
    [{ num_key_value_heads: 3 }, ShapeError, "num_key_value_heads"],
    [{ head_dim: 15 }, FormatError, "head_dim: found 15"],
    [{ rope_parameters: { rope_type: "longrope", rope_theta: 1e4 } }, UnsupportedError, 'rope_type: found "longrope"'],
    [{ num_local_experts: 5 }, ShapeError, "gate.weight"],
    [{ hidden_size: 96 }, ShapeError, "model.embed_tokens.weight"],
    [{ num_hidden_layers: 4 }, FormatError, "model.layers.3."],
    [{ num_hidden_layers: 2 ** 31 }, FormatError, "num_hidden_layers: found 2147483648"],
    [{ num_hidden_layers: 2e9 }, UnsupportedError, "num_hidden_layers: found 2000000000, expected at most 4096"],
    [{ num_local_experts: 65_536 }, UnsupportedError, "num_local_experts: found 65536, expected at most 16384"],
    [{ num_local_experts: 2e9 }, UnsupportedError, "num_local_experts: found 2000000000"],
    [{ num_local_experts: 16_000, num_hidden_layers: 4000 }, UnsupportedError, "linears of all layers and experts"],
    [{ num_attention_heads: 2e9, head_dim: 2e9 }, UnsupportedError, "num_attention_heads * head_dim: found"],
    [{ num_attention_heads: 100, num_key_value_heads: 1, head_dim: null }, FormatError, "found 100 heads for a width"],
    [{ sliding_window: 2 ** 31 }, FormatError, "sliding_window: found 2147483648"],
  ])("refuses the configuration with %j", async (fields, kind, message) => {
    await expectFailure(mixtral(withConfig(fields)), kind, message);
  });

  it("misses the weights", async () => {
    const change = (files: Files) => {
      for (const name of Object.keys(files)) if (name.endsWith(".safetensors")) delete files[name];
    };
    await expectFailure(mixtral(change), FileError, "found no .safetensors file");
  });

  it.each([4, 100, 2000, 500_000])("refuses weights cut after %i bytes", async (length) => {
    const change = (files: Files) => {
      files["model.safetensors"] = files["model.safetensors"].slice(0, length);
    };
    await expectFailure(mixtral(change), FormatError, "broken/model.safetensors");
  });
});

describe("Model.open", () => {
  it.each([ROUTER, DOWN, NORM, EMBEDDING])("misses %s", async (name) => {
    const change = withTensors((header) => rename(header, name, `${name}.old`));
    await expectFailure(mixtral(change), FormatError, name);
  });

  it.each([ROUTER, DOWN, NORM, EMBEDDING])("refuses another shape of %s", async (name) => {
    const change = withTensors((header) => void header[name].shape.push(1));
    await expectFailure(mixtral(change), ShapeError, name);
  });

  it("refuses a transposed matrix", async () => {
    const change = withTensors((header) => void header[DOWN].shape.reverse());
    await expectFailure(mixtral(change), ShapeError, `${DOWN}: found shape [112, 80], expected [80, 112]`);
  });

  it.each([ROUTER, DOWN, NORM, EMBEDDING])("refuses integers as %s", async (name) => {
    const change = withTensors((header) => {
      header[name].dtype = "I16";
    });
    await expectFailure(mixtral(change), UnsupportedError, name);
  });

  it.each([
    ["lm_head.qweight", "lm_head: found qweight [333, 80], expected [80 * bits / 32, 333]"],
    ["lm_head.scales", 'found no tensor "lm_head.weight" but lm_head.scales, expected one'],
    ["lm_heed.weight", 'found no tensor "lm_head.weight", expected one, since broken/config.json'],
  ])("does not tie the head of a file that has %s in its stead", async (name, message) => {
    const change = withTensors((header) => {
      rename(header, "lm_head.weight", name);
      header[name].dtype = "I16";
    });
    await expectFailure(mixtral(change), FormatError, message);
  });

  it.each([null, undefined, false])("does not tie the head where tie_word_embeddings is %s", async (tie) => {
    const change = (files: Files) => {
      withTensors((header) => rename(header, "lm_head.weight", "model.other.weight"))(files);
      withConfig({ tie_word_embeddings: tie })(files);
    };
    await expectFailure(mixtral(change), FormatError, 'found no tensor "lm_head.weight"');
  });

  it("ties the head where the configuration does and the file has none", async () => {
    const folder = brokenFolder(MIXTRAL, (files) => {
      withTensors((header) => rename(header, "lm_head.weight", "model.other.weight"))(files);
      withConfig({ tie_word_embeddings: true })(files);
    });
    const files = await readModelFiles(folder);
    expect(files.config.tiedEmbeddings).toBe(true);
  });

  it("takes the file's own head even where the configuration ties it, as transformers 5 does", async () => {
    const files = await readModelFiles(brokenFolder(MIXTRAL, withConfig({ tie_word_embeddings: true })));
    expect(files.config.tiedEmbeddings).toBe(false);
  });

  it("refuses biases rather than forgetting them", async () => {
    const change = withTensors((header) => rename(header, NORM, "model.layers.0.self_attn.q_proj.bias"));
    await expectFailure(mixtral(change), UnsupportedError, "q_proj.bias");
  });

  // The high byte of the last element: all exponent bits set.
  it.each([ROUTER, DOWN, EMBEDDING])("refuses a value that is not finite in %s", async (name) => {
    const change = withTensors((header, data) => void data.set([0xc0, 0x7f], header[name].data_offsets[1] - 2));
    await expectFailure(mixtral(change), NumericsError, name);
  });

  // Known gap: norms are read without the check that linears get. Becomes a plain `it` with the mend.
  it("refuses a norm that is not finite", async () => {
    const change = withTensors((header, data) => void data.set([0xc0, 0x7f], header[NORM].data_offsets[1] - 2));
    await expectFailure(mixtral(change), NumericsError, NORM);
  });

  it("refuses what is not finite in f16", async () => {
    const name = "model.layers.0.mlp.up_proj.weight";
    const change = withTensors((header, data) => void data.set([0x00, 0xfc], header[name].data_offsets[0]));
    await expectFailure(
      load(brokenFolder(DEEPSEEK, change)),
      NumericsError,
      `${name}: found a value that is not finite at element 0`,
    );
  });

  it.each(["qweight", "qzeros", "scales"])("misses the %s of a packed linear", async (part) => {
    const name = `model.layers.0.self_attn.k_proj.${part}`;
    const change = withTensors((header) => rename(header, name, `${name}.old`));
    await expectFailure(load(brokenFolder(PACKED, change)), FormatError, "model.layers.0.self_attn.k_proj");
  });

  it("refuses scales of packed weights that are not finite", async () => {
    const name = "model.layers.1.mlp.experts.2.down_proj.scales";
    const change = withTensors((header, data) => void data.set([0x00, 0x7e], header[name].data_offsets[0]));
    const run = load(brokenFolder(PACKED, change));
    const error = await run.then(
      () => undefined,
      (reason: unknown) => reason as QuernError,
    );
    expect(error?.code).toMatch(/^(FORMAT|NUMERICS)$/);
    expect(error?.message).toContain("model.layers.1.mlp.experts.2.down_proj");
  });

  it("refuses modes of activation that do not exist", async () => {
    const path = repositoryFile(MIXTRAL);
    await expectFailure(openModel(path, { activations: "int4" as never }), UsageError, "activations: found int4");
    await expectFailure(openModel(path, { activationGroup: 16 as never }), UsageError, "activation group: found 16");
  });
});

describe("Session", () => {
  const path = repositoryFile(MIXTRAL);

  it.each([
    [[1, 333], "token id 1: found 333, expected an integer from 0 to 332"],
    [[-1], "token id 0: found -1"],
    [[0, 1, 1.5], "token id 2: found 1.5"],
    [[Number.NaN], "token id 0: found NaN"],
  ])("refuses the ids %j and keeps its place", async (ids, message) => {
    await using model = await openModel(path);
    using session = model.session({ context: 8 });
    await session.evaluate([1, 2], new Turns());
    await expectFailure(session.evaluate(ids, new Turns()), UsageError, message);
    expect(session.position).toBe(2);
  });

  it("refuses more tokens than its context holds", async () => {
    await using model = await openModel(path);
    using session = model.session({ context: 4 });
    await expectFailure(session.evaluate([1, 2, 3, 4, 5], new Turns()), UsageError, "context: found 5 tokens");
    await session.evaluate([1, 2, 3], new Turns());
    await expectFailure(
      session.evaluate([1, 2], new Turns()),
      UsageError,
      "context: found 5 tokens, expected at most 4",
    );
    await session.evaluate([1], new Turns());
    expect(session.position).toBe(4);
  });

  it.each([0, -1, 1.5, 513])("refuses a context of %d", async (context) => {
    await using model = await openModel(path);
    expect(() => model.session({ context })).toThrow(UsageError);
    expect(() => model.session({ context })).toThrow(`context: found ${context}, expected an integer from 1 to 512`);
  });
});
