/** Tabs as screen readers and keyboards know them; the address's hash names the open one, so that it can be linked to. */
import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";

export interface Tab {
  readonly id: string;
  readonly title: string;
  readonly View: ComponentType;
}

const opened = (tabs: readonly Tab[]) => tabs.find(({ id }) => location.hash === `#${id}`)?.id ?? tabs[0].id;

/** The tab that the address names, and how to go to another one. */
export function useTab(tabs: readonly Tab[]): readonly [string, (id: string) => void] {
  const current = useSignal(opened(tabs));
  useEffect(() => {
    const follow = () => {
      current.value = opened(tabs);
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, [current, tabs]);
  return [
    current.value,
    (id) => {
      history.replaceState(null, "", `#${id}`);
      current.value = id;
    },
  ];
}

export interface TabListProps {
  readonly tabs: readonly Tab[];
  readonly current: string;
  readonly onChange: (id: string) => void;
}

export function TabList({ tabs, current, onChange }: TabListProps) {
  const list = useRef<HTMLDivElement>(null);
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ id }) => id === current);
    const last = tabs.length - 1;
    const to = { ArrowRight: at === last ? 0 : at + 1, ArrowLeft: at === 0 ? last : at - 1, Home: 0, End: last }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    onChange(tabs[to].id);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[to].focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Parts of the page" ref={list} onKeyDown={move}>
      {tabs.map(({ id, title }) => (
        <button
          key={id}
          type="button"
          class="tab"
          role="tab"
          id={`tab-${id}`}
          aria-selected={id === current}
          aria-controls={`panel-${id}`}
          tabIndex={id === current ? 0 : -1}
          onClick={() => onChange(id)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

/** The panels. One that was opened stays, so that nothing in it is lost; others are not made yet. */
export function TabPanels({ tabs, current }: Pick<TabListProps, "tabs" | "current">) {
  const seen = useRef(new Set<string>());
  seen.current.add(current);
  return (
    <>
      {tabs.map(({ id, View }) => (
        <div key={id} role="tabpanel" id={`panel-${id}`} aria-labelledby={`tab-${id}`} hidden={id !== current}>
          {seen.current.has(id) && <View />}
        </div>
      ))}
    </>
  );
}
