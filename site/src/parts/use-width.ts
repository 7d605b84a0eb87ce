/** Tells a component how wide its element is, so that figures are drawn in real pixels and text keeps its size. */
import { useEffect, useRef, useState } from "preact/hooks";

export function useWidth<Element extends HTMLElement>(first = 640): readonly [{ current: Element | null }, number] {
  const place = useRef<Element>(null);
  const [width, setWidth] = useState(first);
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.round(entry.contentRect.width) || first));
    watch.observe(element);
    return () => watch.disconnect();
  }, [first]);
  return [place, width];
}
