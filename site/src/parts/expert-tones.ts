/** Colours of experts. Up to eight are those of Okabe and Ito, which colour-blind readers tell apart; more are spread over the hues. */

const NAMED = ["#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#d55e00", "#b8a800", "#7d6fb3"];

export function expertColour(expert: number, experts: number): string {
  if (experts <= NAMED.length) return NAMED[expert];
  // Neighbours get hues far apart, so that they are told apart in a text.
  const hue = ((expert * 7) % experts) * (360 / experts);
  return `oklch(${expert % 2 === 0 ? 0.68 : 0.58} 0.13 ${hue.toFixed(0)})`;
}
