/** What may be wider than the page: it scrolls on its own, by keyboard too. */
import type { ComponentChildren, Ref } from "preact";

export interface ScrollProps {
  /** What is in it, for those who hear the page. */
  readonly label: string;
  readonly children: ComponentChildren;
  readonly place?: Ref<HTMLElement>;
}

export function Scroll({ label, children, place }: ScrollProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reached by keyboard
    <section ref={place} class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}
