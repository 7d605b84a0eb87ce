/**
 * Runs a pass through several memories. The main one has the first layers, and embedding and head; a stage is the layers whose weights are in
 * a further one. The residual stream and the places of the tokens are copied from memory to memory. The calls of a layer are the same
 * as in one memory, and so are the bits.
 */
import { stride } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import { recordBlock, recordEmbedding, recordHead } from "./forward.ts";
import type { Pass } from "./record/pass.ts";

/** A part of a pass, which is played in one memory. */
export interface Leg {
  /** The pass as that memory has it. */
  readonly pass: Pass;
  /** Its layers, up to `end`, which is not one of them. */
  readonly first: number;
  readonly end: number;
  /** Copies what the leg needs from the memory of the leg before it, which must have been played. */
  readonly enter?: () => void;
}

/** The legs of a pass on which nothing is recorded yet. Behind the last stage comes a leg without layers, in the main memory, where the head is. */
export function legsOf(pass: Pass): readonly Leg[] {
  const { stages } = pass.weights;
  const { layers } = pass.config;
  if (stages.length === 0) return [{ pass, first: 0, end: layers }];
  const legs: Leg[] = [{ pass, first: 0, end: stages[0].first }];
  for (const [at, { machine, first, end }] of stages.entries()) {
    const before = legs[at].pass;
    const own = passIn(pass, machine, pass.state.stages[at]);
    legs.push({ pass: own, first, end, enter: () => goOn(pass, before, own) });
  }
  const last = legs[stages.length].pass;
  const back = passIn(pass, pass.emit.machine, pass.state);
  return [...legs, { pass: back, first: layers, end: layers, enter: () => goBack(pass, last) }];
}

/** Records a whole pass, with the head for the last `rows` tokens. All weights must be loaded. */
export function recordLegs(pass: Pass, rows: number): readonly Leg[] {
  if (pass.weights.store.isPaged) throw new Error("a paged store has its passes played in pieces");
  const legs = legsOf(pass);
  recordEmbedding(pass);
  for (const { pass: own, first, end } of legs)
    for (let layer = first; layer < end; layer++) for (const _ of recordBlock(own, layer));
  if (rows > 0) recordHead(legs[legs.length - 1].pass, rows);
  return legs;
}

function passIn(pass: Pass, machine: Machine, state: Pass["state"]): Pass {
  const { pool, prepared, span } = state;
  const { activations } = pass.emit;
  return { ...pass, state, span, emit: { machine, tape: machine.tape(), pool, activations, prepared } };
}

/** Copies the residual stream of a pass's tokens from one memory to another. */
export function copyHidden(from: Pass, to: Pass): void {
  const words = from.tokens * stride(from.config.hiddenSize);
  copyWords([from, from.state.hidden], [to, to.state.hidden], words);
}

function goOn(main: Pass, from: Pass, to: Pass): void {
  from.emit.machine.rest();
  const { tokens } = main;
  copyWords([main, main.state.span], [to, to.state.span], 2);
  for (const [at, { places }] of main.state.views.entries()) {
    const own = to.state.views[at].places;
    const segments = main.emit.machine.arena.words[(places.offsets >>> 2) + tokens];
    copyWords([main, places.positions], [to, own.positions], tokens);
    copyWords([main, places.rows], [to, own.rows], tokens);
    copyWords([main, places.offsets], [to, own.offsets], tokens + 1);
    copyWords([main, places.segments], [to, own.segments], 2 * segments);
  }
  copyHidden(from, to);
}

function goBack(main: Pass, last: Pass): void {
  last.emit.machine.rest();
  copyHidden(last, main);
  const { state, tokens, weights, config } = main;
  if (!state.keepRoutes) return;
  for (const [at, { machine, first, end }] of weights.stages.entries()) {
    const from = { emit: { machine } };
    for (let layer = first; layer < end; layer++)
      for (const list of ["experts", "weights"] as const) {
        const own = state.stages[at].routes[layer][list];
        copyWords([from, own], [main, state.routes[layer][list]], tokens * config.topK);
      }
  }
}

/** An address in the memory in which a pass runs. */
type Place = readonly [pass: { readonly emit: { readonly machine: Machine } }, ptr: number];

function copyWords([from, source]: Place, [to, target]: Place, count: number): void {
  const start = source >>> 2;
  const words = from.emit.machine.arena.words.subarray(start, start + count);
  to.emit.machine.arena.words.set(words, target >>> 2);
}
