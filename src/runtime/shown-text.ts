/** Turns generated ids into the text that is shown: whole characters only, ending before a stop string. */
import type { Model } from "../model/model.ts";
import { createTextStream } from "../text/text-stream.ts";
import { createStopFilter } from "./stop.ts";

export interface ShownText {
  push(id: number): { readonly text: string; readonly stopped: boolean };
  flush(): string;
  whole(): string;
}

/** Without a tokenizer, a prompt of ids works and the text is empty. @param required whether a tokenizer is needed. */
export async function createShownText(model: Model, stops: readonly string[], required: boolean): Promise<ShownText> {
  const tokenizer = required ? await model.tokenizer() : await model.tokenizerIfAny();
  const stream = tokenizer === undefined ? undefined : createTextStream(tokenizer, { skipSpecial: true });
  const filter = createStopFilter(stops);
  let whole = "";
  const keep = (text: string) => {
    whole += text;
    return text;
  };
  return {
    push(id) {
      const found = filter.push(stream?.push(id) ?? "");
      return { text: keep(found.text), stopped: found.stopped };
    },
    flush() {
      const last = filter.push(stream?.flush() ?? "");
      return keep(last.text + (last.stopped ? "" : filter.flush()));
    },
    whole: () => whole,
  };
}
