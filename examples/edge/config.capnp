# Serves the worker on port 8080: `npx workerd serve config.capnp`. build.mjs writes the files that it embeds.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = .edge)],
  sockets = [(name = "http", address = "127.0.0.1:8080", http = (), service = "main")],
);

const edge :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "build/worker.js"),
    (name = "base.wasm", wasm = embed "build/base.wasm"),
    (name = "model/config.json", data = embed "build/model/config.json"),
    (name = "model/generation_config.json", data = embed "build/model/generation_config.json"),
    (name = "model/model.safetensors", data = embed "build/model/model.safetensors"),
    (name = "model/tokenizer.json", data = embed "build/model/tokenizer.json"),
  ],
  compatibilityDate = "2026-10-01",
);
