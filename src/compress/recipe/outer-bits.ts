/**
 * Bits of embedding and head, the two linears outside the blocks. Settings name them like any other module. Settings that name the
 * head of a model that ties it to its embedding give that model a head of its own.
 */
import { UsageError } from "../../base/errors.ts";
import type { Model, ModelFiles } from "../../model/model.ts";
import { untiedFiles } from "../../model/untied.ts";
import { headShape } from "../../model/weights/linears.ts";
import type { ModelShapes, SourceLinear } from "./model-shapes.ts";
import type { ModuleSetting } from "./settings.ts";

/** Bits of embedding and head; 16 leaves them as they are. */
export interface OuterBits {
  /** Bits of the head. Default 16, or those of the embedding if the head is tied to it. */
  readonly head?: 4 | 8 | 16;
  /** Bits of the embedding, which is rounded. Default 16. */
  readonly embedding?: 8 | 16;
}

type Modules = ReadonlyMap<string, ModuleSetting>;

/** Settings of embedding and head. */
export interface OuterSettings {
  readonly head?: ModuleSetting;
  readonly embedding?: ModuleSetting;
}

/** Settings that give these bits in groups of `groupSize`. @throws UsageError for other bits. */
export function outerSettings(wish: OuterBits, groupSize: number): OuterSettings {
  checkOuterBits(wish);
  const { head, embedding } = wish;
  return {
    ...(head === undefined ? {} : { head: { bits: head, groupSize } }),
    ...(embedding === undefined ? {} : { embedding: { bits: embedding, groupSize } }),
  };
}

/** The settings with those of embedding and head. One matrix serves both if the head is tied and is to have the embedding's bits. */
export function withOuter(shapes: ModelShapes, modules: Modules, { head, embedding }: OuterSettings): Modules {
  const names = outerNames(shapes);
  const all = new Map(modules);
  if (embedding !== undefined) all.set(names.embedding, embedding);
  const isTied = shapes.config.tiedEmbeddings;
  const isShared = isTied && head?.bits === (all.get(names.embedding)?.bits ?? 16);
  if (isShared) all.delete(names.head);
  else if (head !== undefined) all.set(names.head, head);
  return all;
}

function checkOuterBits({ head = 16, embedding = 16 }: OuterBits): void {
  if (![4, 8, 16].includes(head)) throw new UsageError("head", String(head), "4, 8 or 16");
  if (![8, 16].includes(embedding)) throw new UsageError("embedding", String(embedding), "8 or 16");
}

/** The names of embedding and head, also of a head that is tied. */
export function outerNames({ family, spelling }: Pick<ModelShapes, "family" | "spelling">): {
  readonly head: string;
  readonly embedding: string;
} {
  return family.names[spelling];
}

/** The model's files as these settings write them: with a head of its own if they name the head of a model that ties it. */
export function filesUnder(files: ModelFiles, modules: Modules): ModelFiles {
  return modules.has(files.names.head) ? untiedFiles(files) : files;
}

/** The same view of a loaded model. */
export function modelUnder(model: Model, modules: Modules): Model {
  return modules.has(model.files.names.head) ? model.untied() : model;
}

/** The same of shapes. */
export function shapesUnder(shapes: ModelShapes, modules: Modules): ModelShapes {
  const { config, family, spelling, linears } = shapes;
  if (!config.tiedEmbeddings || !modules.has(outerNames(shapes).head)) return shapes;
  const untied = { ...config, tiedEmbeddings: false };
  const { dtype } = linears.find(({ role }) => role === "embedding") as SourceLinear;
  const head: SourceLinear = { ...headShape(family.names[spelling], untied), dtype, biasType: undefined };
  return { ...shapes, config: untied, linears: [...linears, head] };
}
