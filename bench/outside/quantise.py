"""Quantises a model with GPTQModel's GPTQ as a job on standard input says, and writes the folder.

The job is JSON: {"model": folder, "output": folder, "windows": [[id, ...], ...], "bits": 3, "config": {...}}. `config` holds
arguments of GPTQModel's QuantizeConfig; a field `gptaq` or `foem` that is an object becomes the configuration of that name.
"""

import copy
import json
import sys

import torch
from gptqmodel import GPTQModel, QuantizeConfig
from gptqmodel.models.auto import MODEL_MAP
from gptqmodel.models.definitions.qwen2_moe import Qwen2MoeQModel
from gptqmodel.quantization.config import FOEMConfig, GPTAQConfig

NESTED = {"gptaq": GPTAQConfig, "foem": FOEMConfig}


class WithDenseLayers(Qwen2MoeQModel):
    """Qwen2-MoE whose first layers may be dense, said as GPTQModel's own definitions of GLM-4.5 and DeepSeek-V2 say it."""

    layer_modules_strict = False
    module_tree = copy.deepcopy(Qwen2MoeQModel.module_tree)
    module_tree[-1]["mlp:moe:?"][""] = ("gate_proj:0:in=x", "up_proj:0:in=x", "down_proj:1")


MODEL_MAP["qwen2_moe"] = WithDenseLayers


def main():
    job = json.load(sys.stdin)
    options = {name: NESTED[name](**value) if name in NESTED else value for name, value in job["config"].items()}
    config = QuantizeConfig(bits=job["bits"], device="cpu", offload_to_disk=False, **options)
    # Float16, in which both models are stored: left out, GPTQModel takes bfloat16 and rounds what stays float, too.
    model = GPTQModel.load(job["model"], config, dtype=torch.float16)
    windows = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in job["windows"]]
    model.quantize(windows, batch_size=1)
    model.save(job["output"])


if __name__ == "__main__":
    main()
