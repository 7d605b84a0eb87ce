/** Which pages the tree gives out, which it knows again, and which make room. */
import { describe, expect, it } from "vitest";
import { PAGE_ROWS, type Page, PageTree } from "../../../../src/model/pass/shared/page-tree.ts";

const text = (seed: number, pages: number) => Array.from({ length: pages * PAGE_ROWS }, (_, at) => seed * 1000 + at);

/** Takes and publishes the pages of a text. */
function write(tree: PageTree, ids: readonly number[]): Page[] {
  const pages: Page[] = [];
  for (let from = 0; from < ids.length; from += PAGE_ROWS)
    pages.push(tree.publish(tree.take(pages.at(-1)) as Page, pages.at(-1), ids, from));
  return pages;
}

describe("PageTree", () => {
  it("gives adjacent pages to a sequence, and leaves room to grow between two", () => {
    const tree = new PageTree(8);
    const first = [tree.take(undefined)] as Page[];
    const second = [tree.take(undefined)] as Page[];
    for (let more = 0; more < 2; more++)
      for (const pages of [first, second]) pages.push(tree.take(pages.at(-1)) as Page);
    for (const pages of [first, second]) expect(pages.map(({ index }) => index - pages[0].index)).toEqual([0, 1, 2]);
    expect(tree.usedPages).toBe(6);
  });

  it("finds a text by its beginning, and pages that hold the same become one", () => {
    const tree = new PageTree(8);
    const [a, b] = write(tree, text(1, 2));
    expect(tree.find(undefined, text(1, 2), 0)).toBe(a);
    expect(tree.find(a, text(1, 2), PAGE_ROWS)).toBe(b);
    expect(tree.find(undefined, text(1, 2), PAGE_ROWS)).toBeUndefined();
    expect(write(tree, text(1, 2))).toEqual([a, b]);
    expect([a.users, tree.usedPages]).toEqual([2, 2]);
  });

  it("makes room by the text that was used longest ago, never by one that is used", () => {
    const tree = new PageTree(4);
    const old = write(tree, text(1, 2));
    const recent = write(tree, text(2, 2));
    for (const page of [...old, ...recent]) tree.release(page);
    for (const page of old) tree.use(page);
    for (const page of old) tree.release(page);
    const taken = tree.take(undefined) as Page;
    expect(recent).toContain(taken);
    expect(tree.find(undefined, text(1, 2), 0)).toBe(old[0]);
    expect(tree.find(undefined, text(2, 2), 0)).toBeUndefined();
    for (const page of old) tree.use(page);
    tree.take(taken);
    expect(tree.take(taken)).toBeUndefined();
  });
});
