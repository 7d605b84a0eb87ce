/** Sums up a model's modules by structure: parameters, types, bits and bytes of attention, experts, embedding and so on. */
import { groupBy } from "../base/group-by.ts";
import type { Role } from "../tensor/linear-shape.ts";
import type { ModuleFacts } from "./inspect.ts";

/** All modules of one role. */
export interface StructureFacts {
  readonly role: Role;
  readonly modules: number;
  readonly parameters: number;
  /** How their weights are stored, the most frequent type first. */
  readonly types: readonly string[];
  /** Bytes on disk in bits a parameter, scales and zero points included. */
  readonly bitsPerWeight: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** Bytes in the engine's memory. */
  readonly memoryBytes: number;
}

/** One entry for each role that the model has, in the order of the forward pass. */
export function structureFacts(modules: readonly ModuleFacts[]): readonly StructureFacts[] {
  return [...groupBy(modules, ({ role }) => role).values()].map((group) => {
    const parameters = sum(group, ({ shape }) => shape[0] * shape[1]);
    const bytes = sum(group, (module) => module.bytes);
    return {
      ...{ role: group[0].role, modules: group.length, parameters, types: typesOf(group) },
      ...{ bitsPerWeight: (8 * bytes) / parameters, bytes, memoryBytes: sum(group, (module) => module.memoryBytes) },
    };
  });
}

function typesOf(modules: readonly ModuleFacts[]): readonly string[] {
  const byType = [...groupBy(modules, ({ type }) => type)];
  return byType.sort(([, a], [, b]) => b.length - a.length).map(([type]) => type);
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
