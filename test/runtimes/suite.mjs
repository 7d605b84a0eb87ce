// What every runtime must compute, bit for bit, and how it must end what is cancelled, disposed of or damaged. The library and the reader
// of files are given, so that the suite is the same on a disk, in a page and in a worker.
const MODELS = ["fable-mixtral", "fable-deepseek"];
const FILES = ["config.json", "model.safetensors", "tokenizer.json"];
const TASK_FILES = ["copa/val.jsonl", "copa/train.jsonl"];
const PROMPT = "Once upon a time there was a little dog who";
const TOKENS = 32;
const ITEMS = 10;
/** Calibration: a few windows suffice, since the bits count here and not the quality. */
const WINDOWS = { samples: 2, length: 48 };
/** Numbers of threads for each build. */
const THREADS = { base: [1, 2], relaxed: [1, 4] };

/**
 * @param library what the package's entries export, together.
 * @param read gives the bytes of a file by its path from the root of the repository.
 * @returns results by label for each variant that runs here, such as `relaxed/2` for the relaxed build on two threads.
 */
export async function runSuite(library, read) {
  const given = await givenFiles(library, read);
  const found = {};
  for (const engine of await variantsOf(library)) {
    const results = {};
    for (const name of MODELS) await checkModel(library, { name, files: given.models[name], engine, results });
    await checkEndings(library, { files: given.models[MODELS[0]], engine, results });
    const model = await library.loadModel(given.models[MODELS[0]], engine);
    results[`${MODELS[0]} ${ITEMS} items`] = await evaluated(library, model, given.tasks);
    results["gptq matrix"] = await library.matrixHash(model.machine, new library.Turns());
    await model[Symbol.asyncDispose]();
    found[`${engine.kernels}/${engine.threads}`] = results;
  }
  return found;
}

/** Blobs of the models' files, and a folder with a task's rows. */
async function givenFiles({ filesFolder }, read) {
  const blobs = async (name) =>
    Promise.all(FILES.map(async (file) => [file, new Blob([await read(`models/${name}/${file}`)])]));
  const models = {};
  for (const name of MODELS) models[name] = Object.fromEntries(await blobs(name));
  const rows = TASK_FILES.map(async (file) => [file, await read(`test/fixtures/eval/data/${file}`)]);
  return { models, tasks: filesFolder("tasks", Object.fromEntries(await Promise.all(rows))) };
}

/** Builds and numbers of threads that run here. A machine without shared memory has one thread, whatever it is asked for. */
async function variantsOf({ createMachine }) {
  const variants = [];
  for (const [kernels, counts] of Object.entries(THREADS))
    for (const threads of counts)
      try {
        const machine = await createMachine({ kernels, threads });
        if (machine.threads === threads) variants.push({ kernels, threads });
        await machine[Symbol.asyncDispose]();
      } catch (error) {
        if (error.name !== "UnsupportedError") throw error;
      }
  return variants;
}

/** A model with float and with integer activations, and what GPTQ makes of it at 4 bits: its file, and the file as a model. */
async function checkModel(library, { name, files, engine, results }) {
  const float = await library.loadModel(files, { ...engine, activations: "f32" });
  await checkOutput(library, float, `${name} f32`, results);
  const { output, settings } = await quantised(library, float);
  await float[Symbol.asyncDispose]();
  const integer = await library.loadModel(files, { ...engine, activations: "int8" });
  await checkOutput(library, integer, `${name} int8`, results);
  await integer[Symbol.asyncDispose]();
  await checkMemories(library, { name, files, engine, results });
  results[`${name} 4-bit file`] = await hashOf(output.files.get("model.safetensors"));
  if (settings.modules.size === 0) throw new Error(`${name}: found no linear quantised`);
  const small = await library.loadModel(library.filesFolder(name, Object.fromEntries(output.files)), engine);
  await checkOutput(library, small, `${name} 4-bit`, results);
  await small[Symbol.asyncDispose]();
}

/** A model whose layers are in three memories, or whose experts are read when they are needed, computes what it computes in one memory. */
async function checkMemories(library, { name, files, engine, results }) {
  for (const where of [{ memories: 3 }, { memory: "14MB" }]) {
    const model = await library.loadModel(files, { ...engine, activations: "int8", ...where });
    const found = {};
    await checkOutput(library, model, `${name} int8`, found);
    const { evictions = 0 } = model.paging ?? {};
    await model[Symbol.asyncDispose]();
    if ("memory" in where && evictions === 0)
      throw new Error(`${name} within ${where.memory}: found no expert evicted`);
    compareOutput(found, results, JSON.stringify(where));
  }
}

function compareOutput(found, results, where) {
  for (const [label, value] of Object.entries(found))
    if (value !== results[label]) throw new Error(`${label} with ${where}: found ${value}, expected ${results[label]}`);
}

async function checkOutput({ logitsHash }, model, label, results) {
  results[`${label} logits`] = await logitsHash(model);
  const ids = [];
  for await (const { id } of model.generate(PROMPT, { maxTokens: TOKENS, temperature: 0, ignoreEos: true }))
    if (id !== undefined) ids.push(id);
  results[`${label} greedy`] = ids.join(",");
}

async function quantised({ memoryOutput, quantize, cutWindows }, model, run = {}) {
  const output = memoryOutput();
  const ids = Array.from({ length: 4 * WINDOWS.length }, (_, place) => (place * 37) % model.config.vocabSize);
  const { settings } = await quantize(model, { bits: 4, windows: cutWindows(ids, WINDOWS), output, ...run });
  return { output, settings };
}

/** The answers to some items of a task, with their log-likelihoods. */
async function evaluated({ evaluate }, model, data) {
  const { tasks, problems } = await evaluate(model, ["copa"], { data, limit: ITEMS });
  if (problems.length > 0) throw problems[0];
  return hashOf(new TextEncoder().encode(JSON.stringify(tasks[0].samples)));
}

/** Work that is cancelled ends with the signal's reason and leaves the model as it was; what cannot work ends with a typed error. */
async function checkEndings(library, { files, engine, results }) {
  const { loadModel, logitsHash } = library;
  const reason = new Error("enough");
  const endOf = (work) =>
    work.then(
      () => "found no error",
      (error) => (error === reason ? "the reason" : `${error.name} ${error.code}`),
    );
  const model = await loadModel(files, { ...engine, activations: "f32" });
  const writing = new AbortController();
  results["cancelled text"] = await endOf(writeUntil(model, writing, reason));
  const grinding = new AbortController();
  const onProgress = () => grinding.abort(reason);
  results["cancelled quantising"] = await endOf(quantised(library, model, { signal: grinding.signal, onProgress }));
  results["logits after both"] = await logitsHash(model);
  await model[Symbol.asyncDispose]();
  results["disposed model"] = await endOf(logitsHash(model));
  const weights = files["model.safetensors"];
  const damaged = { "config.json": new Blob(["{"]), "model.safetensors": weights.slice(0, weights.size >> 1) };
  for (const [name, blob] of Object.entries(damaged))
    results[`damaged ${name}`] = await endOf(loadModel({ ...files, [name]: blob }, engine));
}

async function writeUntil(model, controller, reason) {
  for await (const { id } of model.generate(PROMPT, { temperature: 0, signal: controller.signal }))
    if (id !== undefined) controller.abort(reason);
}

async function hashOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
