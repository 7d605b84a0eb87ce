/** The whole page: head with tabs and the model, what went wrong, the open tab. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { droppedModel } from "../engine/dropped.ts";
import { HERE, openModel } from "../engine/model-state.ts";
import { GrindTab } from "../grind/grind-tab.tsx";
import { MeasureTab } from "../measure/measure-tab.tsx";
import { type Tab, TabList, TabPanels, useTab } from "../parts/tabs.tsx";
import { StudyTab } from "../study/study-tab.tsx";
import { WriteTab } from "../write/write-tab.tsx";
import { Mark } from "./mark.tsx";
import { ModelChip } from "./model-chip.tsx";
import { ModelsDialog } from "./models-dialog.tsx";
import { Notices } from "./notices.tsx";

const TABS: readonly Tab[] = [
  { id: "write", title: "write", View: WriteTab },
  { id: "grind", title: "grind", View: GrindTab },
  { id: "measure", title: "measure", View: MeasureTab },
  { id: "study", title: "study", View: StudyTab },
];

export function App() {
  const [current, open] = useTab(TABS);
  const showsModels = useSignal(false);
  const isDropping = useDrop();
  useEffect(() => void openModel({ kind: "here", name: HERE[0].name }), []);
  return (
    <div class={isDropping ? "dropping" : undefined}>
      <header class="head">
        <Mark />
        <TabList tabs={TABS} current={current} onChange={open} />
        <ModelChip
          onOpen={() => {
            showsModels.value = true;
          }}
        />
      </header>
      <Notices />
      <main>
        <h1 class="unseen">Quern: a Mixture-of-Experts model in this page</h1>
        <TabPanels tabs={TABS} current={current} />
      </main>
      <footer class="foot">
        <span>Everything runs on this device; nothing that is written here leaves it.</span>
        <span>MIT licence</span>
      </footer>
      <ModelsDialog
        isOpen={showsModels.value}
        onClose={() => {
          showsModels.value = false;
        }}
      />
    </div>
  );
}

/** Opens what is dropped on the page. @returns whether something is held over it. */
function useDrop(): boolean {
  const isDropping = useSignal(false);
  useEffect(() => {
    const set = (held: boolean) => (event: DragEvent) => {
      event.preventDefault();
      isDropping.value = held;
    };
    const over = set(true);
    const leave = set(false);
    const drop = (event: DragEvent) => {
      leave(event);
      if (event.dataTransfer !== null) void droppedModel(event.dataTransfer).then((wish) => wish && openModel(wish));
    };
    addEventListener("dragover", over);
    addEventListener("dragleave", leave);
    addEventListener("drop", drop);
    return () => {
      removeEventListener("dragover", over);
      removeEventListener("dragleave", leave);
      removeEventListener("drop", drop);
    };
  }, [isDropping]);
  return isDropping.value;
}
