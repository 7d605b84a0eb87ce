"""Writes a DeepSeek-MoE model (model_type deepseek) as the Qwen2-MoE model that computes the same: python as_qwen2_moe.py MODEL OUTPUT.

transformers and GPTQModel do not know `deepseek`. Qwen2-MoE has the same parts, and a gate before its shared expert: sigmoid(0) = 1/2 with
weights of zero, which twice the shared expert's down projection undoes exactly, in floats and in GPTQ's scales.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

COMMON = [
    "vocab_size hidden_size intermediate_size moe_intermediate_size num_hidden_layers num_attention_heads num_key_value_heads",
    "hidden_act max_position_embeddings rms_norm_eps rope_theta num_experts_per_tok norm_topk_prob tie_word_embeddings",
    "bos_token_id eos_token_id torch_dtype use_cache initializer_range",
]


def config_of(deepseek):
    same = {name: deepseek[name] for line in COMMON for name in line.split()}
    return {
        **same,
        "model_type": "qwen2_moe",
        "architectures": ["Qwen2MoeForCausalLM"],
        "num_experts": deepseek["n_routed_experts"],
        "shared_expert_intermediate_size": deepseek["n_shared_experts"] * deepseek["moe_intermediate_size"],
        "mlp_only_layers": list(range(deepseek["first_k_dense_replace"])),
        "decoder_sparse_step": deepseek["moe_layer_freq"],
        "qkv_bias": deepseek["attention_bias"],
        "use_sliding_window": False,
    }


def tensors_of(tensors, width):
    found = {name.replace("shared_experts", "shared_expert"): value for name, value in tensors.items()}
    for name in [name for name in found if name.endswith("shared_expert.down_proj.weight")]:
        found[name] = found[name] * 2
        found[name.replace("shared_expert.down_proj", "shared_expert_gate")] = torch.zeros(1, width, dtype=found[name].dtype)
    return found


def main(model, output):
    output.mkdir(parents=True, exist_ok=True)
    config = json.loads((model / "config.json").read_text())
    (output / "config.json").write_text(json.dumps(config_of(config), indent=1))
    tensors = tensors_of(load_file(model / "model.safetensors"), config["hidden_size"])
    save_file(tensors, output / "model.safetensors", metadata={"format": "pt"})
    for name in ["tokenizer.json", "tokenizer_config.json", "generation_config.json"]:
        shutil.copy(model / name, output / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
