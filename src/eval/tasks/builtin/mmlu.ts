import { defineTask, type Task } from "../task.ts";

/** Subjects of each category, as lm-evaluation-harness divides them; `hs_` is short for `high_school_`. */
const SUBJECTS: Readonly<Record<string, string>> = {
  stem: `abstract_algebra anatomy astronomy college_biology college_chemistry college_computer_science college_mathematics
    college_physics computer_security conceptual_physics electrical_engineering elementary_mathematics hs_biology
    hs_chemistry hs_computer_science hs_mathematics hs_physics hs_statistics
    machine_learning`,
  humanities: `formal_logic hs_european_history hs_us_history hs_world_history international_law
    jurisprudence logical_fallacies moral_disputes moral_scenarios philosophy prehistory professional_law world_religions`,
  social_sciences: `econometrics hs_geography hs_government_and_politics hs_macroeconomics
    hs_microeconomics hs_psychology human_sexuality professional_psychology public_relations
    security_studies sociology us_foreign_policy`,
  other: `business_ethics clinical_knowledge college_medicine global_facts human_aging management marketing medical_genetics
    miscellaneous nutrition professional_accounting professional_medicine virology`,
};

/** Massive Multitask Language Understanding in its original form: 57 subjects, five examples each. */
export const MMLU: readonly Task[] = Object.entries(SUBJECTS)
  .flatMap(([category, subjects]) =>
    subjects
      .replaceAll("hs_", "high_school_")
      .split(/\s+/)
      .map((subject) => mmlu(subject, category)),
  )
  .sort((a, b) => (a.task < b.task ? -1 : 1));

function mmlu(subject: string, category: string): Task {
  const columns = ["question", "A", "B", "C", "D", "answer"];
  return defineTask({
    task: `mmlu_${subject}`,
    tag: ["mmlu", `mmlu_${category}`],
    description: `The following are multiple choice questions (with answers) about ${subject.replaceAll("_", " ")}.\n\n`,
    files: {
      test: { path: `mmlu/test/${subject}_test.csv`, columns },
      fewshot: { path: `mmlu/dev/${subject}_dev.csv`, columns },
    },
    num_fewshot: 5,
    process: "mmlu",
    doc_to_text: "{{question}}\nA. {{A}}\nB. {{B}}\nC. {{C}}\nD. {{D}}\nAnswer:",
    doc_to_choice: ["A", "B", "C", "D"],
    doc_to_target: "answer",
  });
}
