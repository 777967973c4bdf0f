"""Entropies and divergences: exact sums over probabilities given as arrays."""

from .divergences import (
    hellinger,
    jeffreys_divergence,
    js_divergence,
    kl_divergence,
    renyi_divergence,
    total_variation,
)
from .entropies import cross_entropy, entropy, expected_code_length
from .generators import f_divergence
from .pairwise import pairwise_kl

__all__ = [
    "cross_entropy",
    "entropy",
    "expected_code_length",
    "f_divergence",
    "hellinger",
    "jeffreys_divergence",
    "js_divergence",
    "kl_divergence",
    "pairwise_kl",
    "renyi_divergence",
    "total_variation",
]
