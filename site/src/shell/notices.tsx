/** What went wrong or is missing, in sentences that also say what still works. */
import { useSignal } from "@preact/signals";
import { lackSentences } from "../engine/failures.ts";
import { dismiss, notices } from "../engine/model-state.ts";

const LACKS = lackSentences();

export function Notices() {
  const closed = useSignal<readonly string[]>([]);
  const close = (id: string) => {
    closed.value = [...closed.value, id];
  };
  return (
    <div class="notices" role="status">
      {LACKS.filter(({ id }) => !closed.value.includes(id)).map(({ id, text, isFatal }) => (
        <Notice key={id} text={text} kind={isFatal ? "" : "plain"} onClose={() => close(id)} />
      ))}
      {notices.value.map((text) => (
        <Notice key={text} text={text} kind="" onClose={() => dismiss(text)} />
      ))}
    </div>
  );
}

function Notice({
  text,
  kind,
  onClose,
}: {
  readonly text: string;
  readonly kind: string;
  readonly onClose: () => void;
}) {
  return (
    <div class={`notice ${kind}`}>
      <p>{text}</p>
      <button type="button" class="textual small" onClick={onClose}>
        Dismiss
      </button>
    </div>
  );
}
