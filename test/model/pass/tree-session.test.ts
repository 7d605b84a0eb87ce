/** What a tree session promises: each node's logits are those of its path alone, whatever shares a pass with it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Turns } from "../../../src/base/turns.ts";
import type { LanguageModel } from "../../../src/index.ts";
import { type TokenTree, TreeSession } from "../../../src/model/pass/tree-session.ts";
import { openTinyModel, tinyIds } from "../../helpers/tiny-model.ts";

const turns = new Turns();

/** A trie of [id, depth, wanted] rows. */
function treeOf(rows: readonly (readonly [id: number, depth: number, wanted?: 1])[]): TokenTree {
  return {
    ids: Int32Array.from(rows, ([id]) => id),
    depths: Int32Array.from(rows, ([, depth]) => depth),
    wanted: Uint8Array.from(rows, ([, , wanted]) => wanted ?? 0),
  };
}

const line = (ids: readonly number[], from: number) => ids.map((id, at) => [id, from + at] as const);

describe("TreeSession", () => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await openTinyModel();
    model.session()[Symbol.dispose](); // the RoPE table, which stays
  });
  afterAll(() => model[Symbol.asyncDispose]());

  /** Logits of the wanted nodes. */
  async function nodesOf(session: TreeSession, tree: TokenTree): Promise<Map<number, Float32Array>> {
    const found = new Map<number, Float32Array>();
    await session.evaluate(tree, turns, ({ ptr, ld, nodes }) => {
      for (const [row, node] of nodes.entries())
        found.set(node, model.machine.arena.f32(ptr + 4 * ld * row, model.config.vocabSize).slice());
    });
    return found;
  }

  /** Logits after a sequence alone. */
  async function logitsAfter(ids: readonly number[]): Promise<Float32Array> {
    using session = model.session();
    let found = new Float32Array();
    await session.evaluate(ids, turns, {
      onLogits: ({ ptr }) => {
        found = model.machine.arena.f32(ptr, model.config.vocabSize).slice();
      },
    });
    return found;
  }

  const stem = tinyIds(30, 3);
  const [left, right, third] = [tinyIds(12, 4), tinyIds(9, 5), tinyIds(20, 6)];
  const branches = treeOf([
    ...line(stem, 0),
    ...line(left.slice(0, -1), 30),
    [left[11], 41, 1],
    ...line(right.slice(0, -1), 30),
    [right[8], 38, 1],
    ...line(third.slice(0, -1), 10),
    [third[19], 29, 1],
  ]);
  const WANTED = [41, 50, 70];
  const paths = [
    [...stem, ...left],
    [...stem, ...right],
    [...stem.slice(0, 10), ...third],
  ];

  it.each([1, 5, 16, 256])("gives each path the logits that it has alone, in passes of %i tokens", async (batch) => {
    using session = new TreeSession(model, { batch });
    const found = await nodesOf(session, branches);
    expect([...found.keys()].sort((a, b) => a - b)).toEqual(WANTED);
    for (const [at, node] of WANTED.entries()) expect(found.get(node)).toEqual(await logitsAfter(paths[at]));
    expect(session.path).toEqual(paths[2]);
  });

  it("goes on from any place of the path that it holds, again and again", async () => {
    using session = new TreeSession(model, { context: 64, batch: 8 });
    await nodesOf(session, branches);
    let path = paths[2];
    for (let round = 0; round < 12; round++) {
      const from = (round * 7) % 29;
      const ids = tinyIds(64 - from, 100 + round).slice(0, 30);
      const rows = line(ids, from);
      const last = rows[rows.length - 1];
      const found = await nodesOf(session, treeOf([...rows.slice(0, -1), [...last, 1]]));
      path = [...path.slice(0, from), ...ids];
      expect(session.path).toEqual(path);
      expect(found.get(ids.length - 1)).toEqual(await logitsAfter(path));
    }
  });

  it("refuses nodes that form no tree within the context, and then holds what it held", async () => {
    using session = new TreeSession(model, { context: 40, batch: 8 });
    await nodesOf(session, treeOf(line(stem, 0)));
    const refused = [
      [treeOf([[1, 31]]), "depth of node 0: found 31, expected 0 to 30"],
      [
        treeOf([
          [1, 30],
          [1, 32],
        ]),
        "depth of node 1: found 32, expected 0 to 31",
      ],
      [treeOf(line(tinyIds(11, 1), 30)), "depth of node 10: found 40, expected 0 to 39"],
      [treeOf([[-1, 30]]), "token id 0: found -1"],
    ] as const;
    for (const [tree, message] of refused) await expect(nodesOf(session, tree)).rejects.toThrow(message);
    expect(session.path).toEqual(stem);
    const found = await nodesOf(session, treeOf([[7, 30, 1]]));
    expect(found.get(0)).toEqual(await logitsAfter([...stem, 7]));
  });

  it("holds no path after it was aborted, and gives the same logits from the start", async () => {
    using session = new TreeSession(model, { batch: 8 });
    const controller = new AbortController();
    const running = session.evaluate(branches, new Turns(controller.signal), () =>
      controller.abort(new Error("enough")),
    );
    await expect(running).rejects.toThrow("enough");
    expect(session.path).toEqual([]);
    expect((await nodesOf(session, branches)).get(70)).toEqual(await logitsAfter(paths[2]));
  });

  it("ends at disposal what runs on it, and gives its memory back then", async () => {
    const { used } = model.machine.arena;
    const session = new TreeSession(model, { batch: 2 });
    const running = nodesOf(session, branches);
    session[Symbol.dispose]();
    expect(model.machine.arena.used).toBeGreaterThan(used);
    await expect(running).rejects.toThrow("session: found a call after disposal");
    expect(model.machine.arena.used).toBe(used);
  });
});
