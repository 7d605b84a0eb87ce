/** The text, token by token: each coloured by the expert that took most of it in the chosen block. */
import { useRef } from "preact/hooks";
import type { RoutedPiece, TokenRoute } from "../../../src/worker.ts";
import { expertColour } from "../parts/expert-tones.ts";
import { memo } from "../parts/memo.tsx";

/** Tokens of a group, which is drawn again only when something in it changed. */
const GROUP = 24;

export interface StoryProps {
  readonly prompt: string;
  readonly tokens: readonly RoutedPiece[];
  readonly experts: number;
  /** The layer whose experts colour the text. */
  readonly layer: number;
  readonly selected: number | undefined;
  readonly onSelect: (index: number | undefined) => void;
  readonly isWriting: boolean;
  readonly label: string;
}

export function Story({ prompt, tokens, experts, layer, selected, onSelect, isWriting, label }: StoryProps) {
  const place = useRef<HTMLDivElement>(null);
  const groups = Array.from({ length: Math.ceil(tokens.length / GROUP) }, (_, i) => i * GROUP);
  const move = (event: KeyboardEvent) => {
    if (tokens.length === 0) return;
    const last = tokens.length - 1;
    const at = selected ?? -1;
    const to = { ArrowRight: Math.min(last, at + 1), ArrowLeft: Math.max(0, at - 1), Home: 0, End: last }[event.key];
    if (event.key === "Escape") onSelect(undefined);
    if (to === undefined) return;
    event.preventDefault();
    onSelect(to);
    place.current?.querySelector(`[data-token="${to}"]`)?.scrollIntoView({ block: "nearest" });
  };
  const pick = (event: Event) => {
    const index = (event.target as Element).closest<HTMLElement>("[data-token]")?.dataset["token"];
    if (index !== undefined) onSelect(Number(index));
  };
  return (
    <div class={`story${isWriting ? " writing" : ""}`}>
      <span class="prompt">{prompt}</span>
      <div
        class="tokens"
        ref={place}
        role="listbox"
        aria-label={label}
        aria-activedescendant={selected === undefined ? undefined : `${label}-${selected}`.replaceAll(" ", "-")}
        tabIndex={0}
        onKeyDown={move}
        onClick={pick}
        onPointerOver={pick}
      >
        {groups.map((first) => (
          <Group
            key={first}
            tokens={tokens}
            first={first}
            count={Math.min(GROUP, tokens.length - first)}
            {...{ experts, layer, label }}
            selected={selected !== undefined && selected >= first && selected < first + GROUP ? selected : -1}
          />
        ))}
      </div>
    </div>
  );
}

interface GroupProps {
  readonly tokens: readonly RoutedPiece[];
  readonly first: number;
  readonly count: number;
  readonly experts: number;
  readonly layer: number;
  readonly selected: number;
  readonly label: string;
}

const Group = memo(
  function Group({ tokens, first, count, experts, layer, selected, label }: GroupProps) {
    return (
      <>
        {tokens.slice(first, first + count).map((token, i) => (
          <TokenMark
            key={first + i}
            {...{ token, experts }}
            index={first + i}
            route={token.routes.find((route) => route.layer === layer)}
            isSelected={first + i === selected}
            id={`${label}-${first + i}`.replaceAll(" ", "-")}
          />
        ))}
      </>
    );
  },
  (before, after) =>
    before.count === after.count &&
    before.layer === after.layer &&
    before.selected === after.selected &&
    before.tokens[before.first] === after.tokens[after.first] &&
    before.tokens[before.first + before.count - 1] === after.tokens[after.first + after.count - 1],
);

interface TokenProps {
  readonly token: RoutedPiece;
  readonly index: number;
  readonly experts: number;
  readonly route: TokenRoute | undefined;
  readonly isSelected: boolean;
  readonly id: string;
}

function TokenMark({ token, index, experts, route, isSelected, id }: TokenProps) {
  const style =
    route === undefined
      ? undefined
      : { "--expert": expertColour(route.experts[0], experts), "--weight": (100 * route.weights[0]).toFixed(0) };
  // The blank before a word stays plain, so that words stand apart and lines end cleanly.
  const blank = token.text.length - token.text.trimStart().length;
  return (
    <span class="token" role="option" tabIndex={-1} id={id} data-token={index} aria-selected={isSelected} style={style}>
      {token.text.slice(0, blank)}
      {blank < token.text.length && <i>{token.text.slice(blank)}</i>}
    </span>
  );
}
