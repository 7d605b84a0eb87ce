/**
 * Lists the fields of config.json that do not change what a model computes, so that any other field that a family does not read can
 * be refused.
 */
import type { JsonValue } from "../../base/json.ts";

const FIELDS: readonly string[] = [
  // What the file is and how it was made. Names that begin with an underscore belong here too.
  ...[
    "name_or_path",
    "architectures",
    "auto_map",
    "model_type",
    "transformers_version",
    "torch_dtype",
    "dtype",
    "license",
  ],
  ...[
    "base_model",
    "unsloth_version",
    "unsloth_fixed",
    "quantization_config",
    "quantization",
    "vocab_file",
    "tokenizer_class",
  ],
  ...[
    "processor_class",
    "custom_pipelines",
    "finetuning_task",
    "task_specific_params",
    "problem_type",
    "id2label",
    "label2id",
  ],
  ...["num_labels", "prefix", "torchscript", "is_encoder_decoder", "is_decoder", "tie_encoder_decoder", "return_dict"],
  ...[
    "use_return_dict",
    "pruned_heads",
    "gradient_checkpointing",
    "attn_implementation",
    "use_flash_attn",
    "use_bfloat16",
  ],
  ...[
    "tf_legacy_loss",
    "output_attentions",
    "output_hidden_states",
    "use_cache",
    "cache_implementation",
    "trust_remote_code",
  ],
  ...[
    "chunk_size_feed_forward",
    "experts_implementation",
    "is_llama_config",
    "transformers.js_config",
    "mlx_lm_version",
    "finetuned",
  ],
  ...["max_sequence_length", "model_max_length", "seq_length", "max_seq_len", "pad_token", "bos_token", "eos_token"],
  // Tokens and generation.
  ...[
    "pad_token_id",
    "unk_token_id",
    "sep_token_id",
    "decoder_start_token_id",
    "forced_bos_token_id",
    "forced_eos_token_id",
  ],
  ...[
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "typical_p",
    "repetition_penalty",
    "length_penalty",
    "bad_words_ids",
  ],
  ...["no_repeat_ngram_size", "encoder_no_repeat_ngram_size", "num_beams", "num_beam_groups", "diversity_penalty"],
  ...["early_stopping", "max_length", "min_length", "max_new_tokens", "num_return_sequences", "output_scores"],
  ...[
    "return_dict_in_generate",
    "remove_invalid_values",
    "suppress_tokens",
    "begin_suppress_tokens",
    "generation_config",
  ],
  ...["exponential_decay_length_penalty"],
  // Training.
  ...[
    "initializer_range",
    "initializer_factor",
    "init_std",
    "attention_dropout",
    "attn_dropout",
    "attn_pdrop",
    "embd_pdrop",
  ],
  ...[
    "hidden_dropout",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "resid_pdrop",
    "residual_dropout",
    "dropout",
  ],
  ...["embedding_dropout", "ffn_dropout", "classifier_dropout", "neftune_noise_alpha", "aux_loss_alpha", "seq_aux"],
  ...["router_aux_loss_coef", "router_z_loss_coef", "router_jitter_noise", "output_router_logits", "moe_aux_loss_coef"],
  ...["moe_z_loss_coef", "aux_loss_coef", "load_balancing_loss_weight"],
  // How work is split among devices, or which precision sums have. None of it is another function.
  ...["pretraining_tp", "ep_size", "expert_parallel", "tensor_parallel_degree", "sequence_parallel"],
  ...["attention_softmax_in_fp32", "scale_attention_softmax_in_fp32"],
];
const HARMLESS: ReadonlySet<string> = new Set(FIELDS);

/** Values with which fields that change the computation leave it as it is. */
const NEUTRAL: ReadonlyMap<string, readonly JsonValue[]> = new Map(
  Object.entries<readonly JsonValue[]>({
    position_embedding_type: ["rope", "absolute", "rotary"],
    rope_interleaved: [false],
    partial_rotary_factor: [1],
    rotary_pct: [1],
    rotary_percent: [1],
    n_group: [1],
    topk_group: [1],
    num_expert_group: [1],
    topk_method: ["greedy"],
    scoring_func: ["softmax"],
    moe_layer_freq: [1],
    decoder_sparse_step: [1],
    routed_scaling_factor: [1],
    residual_multiplier: [1],
    embedding_multiplier: [1],
    logits_scaling: [1],
    logit_scale: [1],
    scale_attn_weights: [true],
    norm_type: ["rmsnorm", "rms_norm"],
    normalization_function: ["rmsnorm"],
    use_rms_norm: [true],
    mlp_type: ["swiglu", "gated"],
    hidden_activation: ["silu", "swish"],
  }),
);

/** Whether a field with this value leaves what a model computes as it is. */
export function isHarmless(key: string, value: JsonValue): boolean {
  return key.startsWith("_") || HARMLESS.has(key) || isNothing(value) || (NEUTRAL.get(key)?.includes(value) ?? false);
}

/** Null, false, 0, an empty text, list or object: values that turn nothing on. */
function isNothing(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return !value;
  return Object.keys(value).length === 0;
}
