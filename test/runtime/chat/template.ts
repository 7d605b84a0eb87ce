/** A chat template for the repository's models, which have none: turns end in the model's only special token. */
export const SIMPLE: string = [
  "{% for m in messages %}{{ m.role }}: {{ m.content }}<|endoftext|>{% endfor %}",
  "{% if add_generation_prompt %}assistant:{% endif %}",
].join("");
