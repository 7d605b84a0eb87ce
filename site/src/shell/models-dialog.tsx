/** The list of models: those beside the page, those of this device, and others by file, folder or address. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { wishOf } from "../engine/dropped.ts";
import { HERE, keepModel, model, openModel, refreshStored, removeStored, stored } from "../engine/model-state.ts";
import type { ModelWish, OpenModel } from "../engine/wishes.ts";
import { Field } from "../parts/fields.tsx";
import { bytesText, digits } from "../parts/format.ts";

export interface ModelsDialogProps {
  readonly isOpen: boolean;
  readonly onClose: () => void;
}

export function ModelsDialog({ isOpen, onClose }: ModelsDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (isOpen) {
      dialog.current?.showModal();
      void refreshStored();
    } else dialog.current?.close();
  }, [isOpen]);
  const open = (wish: ModelWish | undefined) => {
    if (wish === undefined) return;
    onClose();
    void openModel(wish);
  };
  return (
    <dialog ref={dialog} aria-labelledby="models-title" onClose={onClose}>
      <div class="sheet">
        <header>
          <h2 id="models-title">Models</h2>
          <button type="button" class="button quiet" onClick={onClose}>
            Close
          </button>
        </header>
        {model.value !== undefined && <Current model={model.value} />}
        <Here onOpen={open} />
        <Stored onOpen={open} />
        <Others onOpen={open} />
      </div>
    </dialog>
  );
}

function Current({ model: open }: { readonly model: OpenModel }) {
  const { name, worker } = open;
  const { modelType, experts, topK, layers, parameters, activeParameters, averageBits } = worker.facts;
  const { kernels, threads } = worker.engine;
  const millions = (count: number) => `${digits(count / 1e6)} M`;
  return (
    <section class="panel">
      <h3>{name} is open</h3>
      <p class="small">
        {modelType}, {layers} blocks{experts > 0 && `, ${topK} of ${experts} experts for each token`}.{" "}
        {millions(parameters)} parameters, of which a token uses {millions(activeParameters)}; {digits(averageBits)}{" "}
        bits a weight. Kernels: {kernels === "relaxed" ? "relaxed SIMD" : "SIMD"}, {threads}{" "}
        {threads === 1 ? "thread" : "threads"}.
      </p>
      <p class="small row">
        <button type="button" class="button quiet" onClick={() => void keepModel(open)}>
          Keep on this device
        </button>
      </p>
    </section>
  );
}

interface OpenProps {
  readonly onOpen: (wish: ModelWish | undefined) => void;
}

function Here({ onOpen }: OpenProps) {
  return (
    <section>
      <h3>With this page</h3>
      <ul class="list">
        {HERE.map(({ name, about }) => (
          <li key={name}>
            <span class="what">
              {name}
              <span class="muted small">{about}</span>
            </span>
            <button
              type="button"
              class="button quiet"
              aria-label={`Open ${name}`}
              onClick={() => onOpen({ kind: "here", name })}
            >
              Open
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Stored({ onOpen }: OpenProps) {
  return (
    <section>
      <h3>On this device</h3>
      {stored.value.length === 0 ? (
        <p class="muted small">
          Nothing is kept yet. An open model can be kept with the button above, one that was ground in its tab.
        </p>
      ) : (
        <ul class="list">
          {stored.value.map(({ name, bytes }) => (
            <li key={name}>
              <span class="what">
                {name}
                <span class="muted small figure">{bytesText(bytes)}</span>
              </span>
              <span class="row">
                <button
                  type="button"
                  class="button quiet"
                  aria-label={`Open ${name} from this device`}
                  onClick={() => onOpen({ kind: "stored", name })}
                >
                  Open
                </button>
                <button
                  type="button"
                  class="button quiet"
                  aria-label={`Delete ${name} from this device`}
                  onClick={() => void removeStored(name)}
                >
                  Delete
                </button>
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Others({ onOpen }: OpenProps) {
  const url = useSignal("");
  const take = (event: Event & { readonly currentTarget: HTMLInputElement }) => {
    onOpen(wishOf([...(event.currentTarget.files ?? [])]));
    event.currentTarget.value = "";
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (url.value.trim() !== "") onOpen({ kind: "url", url: url.value.trim() });
  };
  return (
    <section class="cards">
      <h3>Another one</h3>
      <p class="muted small">
        A GGUF file, or a folder as on Hugging Face: config.json, tokenizer.json and safetensors. Both can also be
        dropped anywhere on this page. Files stay on this device.
      </p>
      <div class="row">
        <label class="button file">
          Choose a file
          <input type="file" class="unseen" accept=".gguf" onChange={take} />
        </label>
        <label class="button file">
          Choose a folder
          <input type="file" class="unseen" {...{ webkitdirectory: true }} multiple onChange={take} />
        </label>
      </div>
      <form onSubmit={submit} class="address">
        <Field
          label="Address"
          hint="https://host/folder/, https://host/model.gguf or hf:owner/name. The server must allow other sites to read it."
        >
          {(id) => (
            <input
              id={id}
              type="text"
              inputMode="url"
              autocomplete="off"
              spellcheck={false}
              value={url.value}
              onInput={(event) => {
                url.value = event.currentTarget.value;
              }}
            />
          )}
        </Field>
        <button type="submit" class="button">
          Open
        </button>
      </form>
    </section>
  );
}
