"""Small checkpoints of every family: the real classes, tokenizer kinds, special tokens and chat templates, few layers.

Their weights are random. `folder` makes one in less than a second; `open_model` loads it.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    MllamaConfig,
    MllamaForConditionalGeneration,
    MllamaProcessor,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.mllama.configuration_mllama import MllamaTextConfig, MllamaVisionConfig
from transformers.models.mllama.image_processing_pil_mllama import MllamaImageProcessorPil
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer
from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLTextConfig, Qwen2_5_VLVisionConfig
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.utils.logging import disable_progress_bar

from curation.families import tiny
from tests.chat_templates import LLAMA_3_2_VISION, LLAVA_1_5, QWEN_2_5_VL

disable_progress_bar()  # a test that looks at standard error must not see the bar of a model that is saved

TEXTS = (
    "How many red cubes are there?",
    "Which colour has the largest bar of the chart?",
    "<SUMMARY>I count the red cubes.</SUMMARY><CAPTION>Two red cubes and a blue ball.</CAPTION>"
    "<REASONING>The red cubes are 1 and 2, so there are 2.</REASONING><CONCLUSION>2</CONCLUSION>",
)

FAMILIES = ("llama3-2-vision", "qwen2-5-vl", "llava", "tiny")


def folder(family: str, path: Path, texts: Iterable[str] = TEXTS) -> Path:
    """Write a checkpoint with random weights, always the same, and return its folder."""
    make = {"llama3-2-vision": _llama, "qwen2-5-vl": _qwen, "llava": _llava, "tiny": _tiny}[family.replace("_", "-")]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        make(path, list(texts))
    return path


def _llama(path: Path, texts: Sequence[str]) -> None:
    names = ["begin_of_text", "end_of_text", "finetune_right_pad_id", "start_header_id", "end_header_id"]
    names += ["eom_id", "eot_id", "python_tag", "image"]
    tokenizer = _byte_level(texts, [f"<|{name}|>" for name in names], digits="{1,3}")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", _id(tokenizer, "<|begin_of_text|>"))]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<|begin_of_text|>",
        eos_token="<|eot_id|>",
        pad_token="<|finetune_right_pad_id|>",
        chat_template=LLAMA_3_2_VISION,
        clean_up_tokenization_spaces=False,
    )
    image = _id(tokenizer, "<|image|>")  # as in the 11B: the first id for which the head has no row
    ends = [_id(tokenizer, f"<|{name}|>") for name in ("end_of_text", "eom_id", "eot_id")]
    text = MllamaTextConfig(
        vocab_size=image,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        cross_attention_layers=[1, 3],
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=fast.bos_token_id,
        eos_token_id=ends,
        pad_token_id=fast.pad_token_id,
        initializer_range=0.2,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
    )
    vision = MllamaVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_global_layers=1,
        attention_heads=2,
        vision_output_dim=64,
        intermediate_layers_indices=[0],
        image_size=28,
        patch_size=14,
        initializer_range=0.2,
    )
    model = MllamaForConditionalGeneration(
        MllamaConfig(text_config=text, vision_config=vision, image_token_index=image)
    )
    _open_gates(model)
    model.generation_config.eos_token_id = ends
    model.save_pretrained(path)
    processor = MllamaImageProcessorPil(size={"height": 28, "width": 28}, max_image_tiles=4)
    MllamaProcessor(processor, fast, chat_template=LLAMA_3_2_VISION).save_pretrained(path)


def _open_gates(model: PreTrainedModel) -> None:
    """Let the images be seen: a fresh Mllama's gates are closed."""
    for name, parameter in model.named_parameters():
        if "gate" in name and "gate_proj" not in name:
            torch.nn.init.ones_(parameter)


def _qwen(path: Path, texts: Sequence[str]) -> None:
    names = ["endoftext", "im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad"]
    learnt = json.loads(_byte_level(texts, [], digits="").to_str())["model"]
    fast = Qwen2Tokenizer(
        vocab=learnt["vocab"],
        merges=[tuple(merge) for merge in learnt["merges"]],
        eos_token="<|im_end|>",
        extra_special_tokens=[f"<|{name}|>" for name in names],
        chat_template=QWEN_2_5_VL,
    )
    fast.add_tokens([AddedToken("<tool_call>", normalized=False), AddedToken("</tool_call>", normalized=False)])
    image = fast.convert_tokens_to_ids("<|image_pad|>")
    text = Qwen2_5_VLTextConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
        initializer_range=0.2,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
    )
    vision = Qwen2_5_VLVisionConfig(
        depth=2,
        hidden_size=32,
        intermediate_size=64,
        num_heads=2,
        out_hidden_size=32,
        window_size=56,
        fullatt_block_indexes=[1],
        initializer_range=0.2,
    )
    model = Qwen2_5_VLForConditionalGeneration(
        Qwen2_5_VLConfig(
            text_config=text,
            vision_config=vision,
            image_token_id=image,
            video_token_id=fast.convert_tokens_to_ids("<|video_pad|>"),
            vision_start_token_id=fast.convert_tokens_to_ids("<|vision_start|>"),
            vision_end_token_id=fast.convert_tokens_to_ids("<|vision_end|>"),
        )
    )
    model.save_pretrained(path)
    fast.save_pretrained(path)
    Qwen2VLImageProcessorPil(size={"shortest_edge": 28 * 28, "longest_edge": 28 * 28 * 16}).save_pretrained(path)


def _llava(path: Path, texts: Sequence[str]) -> None:
    fast = _sentence_pieces(texts)
    fast.chat_template = LLAVA_1_5
    image = fast.convert_tokens_to_ids("<image>")
    text = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=4096,
        pad_token_id=fast.pad_token_id,
        initializer_range=0.2,
    )
    vision = CLIPVisionConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=28,
        patch_size=14,
        projection_dim=32,
    )
    model = LlavaForConditionalGeneration(
        LlavaConfig(text_config=text, vision_config=vision, image_token_index=image, image_seq_length=4)
    )
    model.save_pretrained(path)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    LlavaProcessor(
        processor,
        fast,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=LLAVA_1_5,
        num_additional_image_tokens=1,
    ).save_pretrained(path)


def _tiny(path: Path, texts: Sequence[str]) -> None:
    made = tiny.create(texts, seed=0)
    made.model.save_pretrained(path)
    made.renderer.save(path)


def _byte_level(texts: Sequence[str], special: Sequence[str], digits: str) -> Tokenizer:
    """Learn byte-level BPE over the words that Llama 3 and Qwen2 split texts into; special tokens come last."""
    words = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        + digits
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(words), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(list(special))
    return tokenizer


def _sentence_pieces(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Learn BPE as in Llama 2's tokenizer.json: no words, a space before each piece of text, bytes for the unknown."""
    learner = Tokenizer(models.BPE(unk_token="<unk>"))
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    learner.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=200, show_progress=False))
    learnt = json.loads(learner.to_str())["model"]
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    pieces = [*first, "▁", *(piece for piece in learnt["vocab"] if piece != "▁")]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    merges = [tuple(merge) for merge in learnt["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>", "<image>", "<pad>"])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        extra_special_tokens=["<image>"],
        clean_up_tokenization_spaces=False,
    )


def _id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    assert found is not None
    return int(found)
