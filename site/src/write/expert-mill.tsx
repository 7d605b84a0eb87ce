/** The mill: blocks by experts, darker the more tokens an expert took, with the experts of one token marked. */

import type { RoutedPiece } from "../../../src/worker.ts";
import { expertColour } from "../parts/expert-tones.ts";

export interface MillProps {
  readonly tokens: readonly RoutedPiece[];
  readonly experts: number;
  /** The token whose experts are marked; the last one while text is written. */
  readonly marked: RoutedPiece | undefined;
  /** The layer whose experts colour the text. */
  readonly layer: number;
  readonly onLayer: (layer: number) => void;
}

export function ExpertMill({ tokens, experts, marked, layer, onLayer }: MillProps) {
  const counts = countUse(tokens);
  const layers = [...counts.keys()].sort((a, b) => a - b);
  const topK = tokens[0]?.routes[0]?.experts.length ?? 1;
  if (layers.length === 0)
    return <p class="muted small">Which experts each token uses is shown here while the model writes.</p>;
  return (
    <table class={experts > MOST_WIDE ? "mill narrow" : "mill"}>
      <caption class="unseen">Share of the tokens that each expert of each block took, in percent</caption>
      <thead>
        <tr>
          <th scope="col">block</th>
          {Array.from({ length: experts }, (_, expert) => (
            <th key={expert} scope="col">
              <span class="unseen">expert </span>
              {expert}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {layers.map((row) => (
          <tr key={row} class={row === layer ? "current" : undefined}>
            <th scope="row">
              <button
                type="button"
                class="layer"
                aria-pressed={row === layer}
                title={`Colour the text by block ${row}`}
                onClick={() => onLayer(row)}
              >
                <span class="unseen">Colour the text by block </span>
                {row}
              </button>
            </th>
            {Array.from({ length: experts }, (_, expert) => {
              const share = (counts.get(row)?.get(expert) ?? 0) / tokens.length;
              const weight = weightOf(marked, row, expert);
              return (
                <td
                  key={expert}
                  class={weight > 0 ? "on" : undefined}
                  style={{
                    "--expert": expertColour(expert, experts),
                    "--share": toneOf(share, topK / experts),
                  }}
                >
                  <span>{weight > 0 ? Math.round(100 * weight) : ""}</span>
                  <span class="unseen">{`${Math.round(100 * share)} %`}</span>
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** With more experts than this, cells are too narrow for numbers of the usual size. */
const MOST_WIDE = 10;

/** Percent of colour: more than in proportion, so that an expert that is asked a little more is seen. */
function toneOf(share: number, even: number): string {
  return String(Math.min(100, Math.round(36 * (share / even) ** 1.7)));
}

function countUse(tokens: readonly RoutedPiece[]): ReadonlyMap<number, ReadonlyMap<number, number>> {
  const counts = new Map<number, Map<number, number>>();
  for (const { routes } of tokens)
    for (const { layer, experts } of routes) {
      const own = counts.get(layer) ?? new Map<number, number>();
      counts.set(layer, own);
      for (const expert of experts) own.set(expert, (own.get(expert) ?? 0) + 1);
    }
  return counts;
}

/** The routing weight of a token's expert, 0 if it was not chosen. */
function weightOf(token: RoutedPiece | undefined, layer: number, expert: number): number {
  const route = token?.routes.find((each) => each.layer === layer);
  const at = route?.experts.indexOf(expert) ?? -1;
  return at === -1 ? 0 : (route?.weights[at] ?? 0);
}
