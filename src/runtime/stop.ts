/** Finds stop strings in text that comes in pieces, and holds back text that may become a stop string. */

export interface StopFilter {
  /** Adds text and returns what can be shown now. `stopped` is true once a stop string is complete; the text ends before it. */
  push(text: string): { readonly text: string; readonly stopped: boolean };
  /** Returns the text that was held back. */
  flush(): string;
}

export function createStopFilter(stops: readonly string[]): StopFilter {
  let held = "";
  return {
    push(text) {
      held += text;
      let end = held.length;
      for (const stop of stops) {
        const at = held.indexOf(stop);
        if (at >= 0 && at < end) end = at;
      }
      if (end < held.length) {
        const shown = held.slice(0, end);
        held = "";
        return { text: shown, stopped: true };
      }
      const keep = Math.max(0, ...stops.map((stop) => overlap(held, stop)));
      const shown = held.slice(0, held.length - keep);
      held = held.slice(held.length - keep);
      return { text: shown, stopped: false };
    },
    flush() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Length of the longest end of `text` that is a beginning of `stop`, but not the whole of it. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--)
    if (text.endsWith(stop.slice(0, length))) return length;
  return 0;
}
