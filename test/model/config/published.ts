/** Configurations as their authors publish them on the hub: the numbers and field names of config.json. */
import type { JsonObject } from "../../../src/base/json.ts";

const V4 = { torch_dtype: "bfloat16", use_cache: true, hidden_act: "silu", initializer_range: 0.02 };
const QWEN = { ...V4, attention_dropout: 0, rms_norm_eps: 1e-6, use_sliding_window: false };

/** By name: the configuration, and what it says about the model. */
export const PUBLISHED: Readonly<Record<string, { readonly json: JsonObject; readonly says: object }>> = {
  "Llama-3.2-1B": {
    json: {
      ...{
        ...V4,
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        attention_bias: false,
        attention_dropout: 0,
      },
      ...{ bos_token_id: 128000, eos_token_id: [128001, 128008, 128009], head_dim: 64, hidden_size: 2048 },
      ...{ intermediate_size: 8192, max_position_embeddings: 131072, mlp_bias: false, num_attention_heads: 32 },
      ...{ num_hidden_layers: 16, num_key_value_heads: 8, pretraining_tp: 1, rms_norm_eps: 1e-5, vocab_size: 128256 },
      rope_scaling: {
        ...{ factor: 32, high_freq_factor: 4, low_freq_factor: 1, original_max_position_embeddings: 8192 },
        rope_type: "llama3",
      },
      ...{ rope_theta: 500000, tie_word_embeddings: true, transformers_version: "4.45.0.dev0" },
    },
    says: { headDim: 64, tiedEmbeddings: true, rope: { theta: 500000, scaling: { type: "llama3", trained: 8192 } } },
  },
  "SmolLM2-360M": {
    json: {
      ...{ ...V4, model_type: "llama", is_llama_config: true, rope_interleaved: false, rope_scaling: null },
      ...{ hidden_size: 960, intermediate_size: 2560, num_attention_heads: 15, num_key_value_heads: 5 },
      ...{ num_hidden_layers: 32, max_position_embeddings: 8192, rms_norm_eps: 1e-5, rope_theta: 100000 },
      ...{ vocab_size: 49152, tie_word_embeddings: true, bos_token_id: 0, eos_token_id: 0, pretraining_tp: 1 },
      "transformers.js_config": { kv_cache_dtype: { q4f16: "float16" } },
    },
    says: { headDim: 64, experts: 0, windows: Array(32).fill(null) },
  },
  "Llama-2 with YaRN": {
    json: {
      ...{ ...V4, model_type: "llama", hidden_size: 4096, intermediate_size: 11008, num_attention_heads: 32 },
      ...{ num_hidden_layers: 32, max_position_embeddings: 65536, rms_norm_eps: 1e-5, vocab_size: 32000 },
      ...{ max_length: 4096, pad_token_id: 0, pretraining_tp: 1, _name_or_path: "/a/path" },
      rope_scaling: { factor: 16, finetuned: true, original_max_position_embeddings: 4096, type: "yarn" },
    },
    says: { kvHeads: 32, rope: { theta: 10000, scaling: { type: "yarn", factor: 16, trained: 4096 } } },
  },
  "Mistral-7B-v0.1": {
    json: {
      ...{ ...V4, model_type: "mistral", hidden_size: 4096, intermediate_size: 14336, num_attention_heads: 32 },
      ...{ num_hidden_layers: 32, num_key_value_heads: 8, max_position_embeddings: 32768, rms_norm_eps: 1e-5 },
      ...{ rope_theta: 10000, sliding_window: 4096, tie_word_embeddings: false, vocab_size: 32000 },
    },
    says: { windows: Array(32).fill(4096), headDim: 128 },
  },
  "Qwen2.5-0.5B": {
    json: {
      ...{ ...QWEN, model_type: "qwen2", hidden_size: 896, intermediate_size: 4864, num_attention_heads: 14 },
      ...{ num_hidden_layers: 24, num_key_value_heads: 2, max_position_embeddings: 32768, max_window_layers: 24 },
      ...{
        rope_theta: 1000000,
        sliding_window: 32768,
        tie_word_embeddings: true,
        use_mrope: false,
        vocab_size: 151936,
      },
    },
    says: { biased: ["q", "k", "v"], needsBiases: true, windows: Array(24).fill(null) },
  },
  "Qwen3-0.6B": {
    json: {
      ...{
        ...QWEN,
        model_type: "qwen3",
        attention_bias: false,
        head_dim: 128,
        hidden_size: 1024,
        max_window_layers: 28,
      },
      ...{ intermediate_size: 3072, num_attention_heads: 16, num_hidden_layers: 28, num_key_value_heads: 8 },
      ...{ max_position_embeddings: 40960, rope_scaling: null, rope_theta: 1000000, sliding_window: null },
      ...{ tie_word_embeddings: true, vocab_size: 151936 },
    },
    says: { qkNorm: "head", headDim: 128, biased: [] },
  },
  "Qwen3-Coder-30B-A3B": {
    json: {
      ...{ ...QWEN, model_type: "qwen3_moe", attention_bias: false, decoder_sparse_step: 1, head_dim: 128 },
      ...{ hidden_size: 2048, intermediate_size: 5472, max_position_embeddings: 262144, max_window_layers: 28 },
      ...{ mlp_only_layers: [], moe_intermediate_size: 768, norm_topk_prob: true, num_attention_heads: 32 },
      ...{ num_experts: 128, num_experts_per_tok: 8, num_hidden_layers: 48, num_key_value_heads: 4 },
      ...{ output_router_logits: false, qkv_bias: false, rope_scaling: null, rope_theta: 10000000 },
      ...{ router_aux_loss_coef: 0, shared_expert_intermediate_size: 0, sliding_window: null },
      ...{ tie_word_embeddings: false, use_qk_norm: true, vocab_size: 151936 },
    },
    says: { experts: 128, topK: 8, sharedExperts: 0, router: { renormalize: true }, moeLayers: Array(48).fill(true) },
  },
  "Qwen1.5-MoE-A2.7B": {
    json: {
      ...{ ...QWEN, model_type: "qwen2_moe", decoder_sparse_step: 1, hidden_size: 2048, intermediate_size: 5632 },
      ...{ max_position_embeddings: 8192, max_window_layers: 21, moe_intermediate_size: 1408, norm_topk_prob: false },
      ...{ num_attention_heads: 16, num_experts: 60, num_experts_per_tok: 4, num_hidden_layers: 24 },
      ...{ num_key_value_heads: 16, output_router_logits: false, rope_theta: 1000000, router_aux_loss_coef: 0.001 },
      ...{
        shared_expert_intermediate_size: 5632,
        sliding_window: 32768,
        tie_word_embeddings: false,
        vocab_size: 151936,
      },
    },
    says: { sharedGate: true, sharedWidth: 5632, needsBiases: false, windows: Array(24).fill(null) },
  },
  "OLMoE-1B-7B": {
    json: {
      ...{ ...V4, model_type: "olmoe", attention_bias: false, attention_dropout: 0, clip_qkv: null, hidden_size: 2048 },
      ...{ intermediate_size: 1024, max_position_embeddings: 4096, norm_topk_prob: false, num_attention_heads: 16 },
      ...{
        num_experts: 64,
        num_experts_per_tok: 8,
        num_hidden_layers: 16,
        num_key_value_heads: 16,
        rms_norm_eps: 1e-5,
      },
      ...{ output_router_logits: false, pad_token_id: 1, rope_scaling: null, rope_theta: 10000, vocab_size: 50304 },
      ...{ router_aux_loss_coef: 0.01, tie_word_embeddings: false, eos_token_id: 50279 },
    },
    says: { qkNorm: "row", clipQkv: null, expertWidth: 1024, router: { renormalize: false } },
  },
  "granite-3.1-1b-a400m": {
    json: {
      ...{
        ...V4,
        model_type: "granitemoe",
        attention_bias: false,
        attention_dropout: 0.1,
        attention_multiplier: 0.015625,
      },
      ...{ embedding_multiplier: 12, hidden_size: 1024, intermediate_size: 512, logits_scaling: 6 },
      ...{ max_position_embeddings: 131072, num_attention_heads: 16, num_experts_per_tok: 8, num_hidden_layers: 24 },
      ...{ num_key_value_heads: 8, num_local_experts: 32, output_router_logits: false, residual_multiplier: 0.22 },
      ...{ rms_norm_eps: 1e-6, rope_scaling: null, rope_theta: 1500000, router_aux_loss_coef: 0.001 },
      ...{ tie_word_embeddings: true, vocab_size: 49155 },
    },
    says: { attentionScale: 0.015625, embeddingScale: 12, residualScale: 0.22, logitScale: 1 / 6, sharedWidth: 0 },
  },
  "Mixtral-8x7B as transformers 5 writes it": {
    json: {
      ...{ model_type: "mixtral", dtype: "bfloat16", head_dim: null, hidden_act: "silu", hidden_size: 4096 },
      ...{ intermediate_size: 14336, max_position_embeddings: 32768, num_attention_heads: 32, num_experts_per_tok: 2 },
      ...{ num_hidden_layers: 32, num_key_value_heads: 8, num_local_experts: 8, rms_norm_eps: 1e-5, vocab_size: 32000 },
      ...{
        rope_parameters: { rope_theta: 1000000, rope_type: "default" },
        router_jitter_noise: 0,
        sliding_window: null,
      },
      ...{ tie_word_embeddings: false, pad_token_id: null, attention_dropout: 0 },
    },
    says: { experts: 8, rope: { theta: 1000000, scaling: { type: "none" } }, router: { renormalize: true } },
  },
  "deepseek-moe-16b": {
    json: {
      ...{ ...V4, model_type: "deepseek", attention_bias: false, attention_dropout: 0, aux_loss_alpha: 0.001 },
      ...{ auto_map: { AutoConfig: "configuration_deepseek.DeepseekConfig" }, first_k_dense_replace: 1 },
      ...{ hidden_size: 2048, intermediate_size: 10944, max_position_embeddings: 4096, moe_intermediate_size: 1408 },
      ...{ moe_layer_freq: 1, n_routed_experts: 64, n_shared_experts: 2, norm_topk_prob: false },
      ...{ num_attention_heads: 16, num_experts_per_tok: 6, num_hidden_layers: 28, num_key_value_heads: 16 },
      ...{ pretraining_tp: 1, rms_norm_eps: 1e-6, rope_scaling: null, rope_theta: 10000, scoring_func: "softmax" },
      ...{ seq_aux: true, tie_word_embeddings: false, vocab_size: 102400 },
    },
    says: { sharedWidth: 2816, moeLayers: [false, ...Array(27).fill(true)], router: { scale: 1 } },
  },
};
