/** Finds places for the names of points, so that no name covers another name or a point. */

export interface Point {
  /** In pixels, y downwards. */
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

export interface LabelPlace {
  readonly dx: number;
  readonly dy: number;
  readonly anchor: "start" | "middle" | "end";
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The places that are tried, in this order: above to the right, where the front's line never is, the other sides, then farther away. */
const PLACES: readonly LabelPlace[] = [12, 18, 26].flatMap((far): LabelPlace[] => [
  { dx: 6, dy: -far, anchor: "start" },
  { dx: 10, dy: far - 12, anchor: "start" },
  { dx: 7, dy: far, anchor: "start" },
  { dx: -10, dy: far - 12, anchor: "end" },
  { dx: -7, dy: -far, anchor: "end" },
  { dx: -7, dy: far, anchor: "end" },
  { dx: 0, dy: -far - 3, anchor: "middle" },
  { dx: 0, dy: far + 3, anchor: "middle" },
]);
/** Width of a character as a share of the font's size. */
const CHARACTER = 0.56;
const RADIUS = 6;

/** A place for every point that has one within `frame`, in order; a crowded point has none. */
export function placeLabels(points: readonly Point[], frame: Box, fontSize: number): (LabelPlace | undefined)[] {
  const taken: Box[] = points.map(({ x, y }) => ({
    left: x - RADIUS,
    right: x + RADIUS,
    top: y - RADIUS,
    bottom: y + RADIUS,
  }));
  return points.map((point, i) => {
    const others = [...taken.slice(0, i), ...taken.slice(i + 1)];
    for (const place of PLACES) {
      const box = boxOf(point, place, fontSize);
      if (!isInside(box, frame) || others.some((other) => overlap(box, other))) continue;
      taken.push(box);
      return place;
    }
    return undefined;
  });
}

function boxOf({ x, y, text }: Point, { dx, dy, anchor }: LabelPlace, fontSize: number): Box {
  const width = text.length * fontSize * CHARACTER;
  const left = x + dx - { start: 0, middle: width / 2, end: width }[anchor];
  return { left, right: left + width, top: y + dy - fontSize / 2, bottom: y + dy + fontSize / 2 };
}

function isInside(box: Box, frame: Box): boolean {
  return box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
