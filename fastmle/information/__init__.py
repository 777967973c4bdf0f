"""Entropies and divergences of arrays, fitted densities, distributions and data; dependence of columns."""

from .codes import code_length
from .comparison import Comparison, compare
from .decomposition import Decomposition, decompose
from .dependence import IndependenceTest, independence_test, mutual_information
from .distances import hellinger, total_variation
from .divergences import jeffreys_divergence, js_divergence, kl_divergence, renyi_divergence
from .entropies import cross_entropy, entropy, expected_code_length
from .generators import f_divergence
from .pairwise import pairwise_kl

__all__ = [
    "Comparison",
    "Decomposition",
    "IndependenceTest",
    "code_length",
    "compare",
    "cross_entropy",
    "decompose",
    "entropy",
    "expected_code_length",
    "f_divergence",
    "hellinger",
    "independence_test",
    "jeffreys_divergence",
    "js_divergence",
    "kl_divergence",
    "mutual_information",
    "pairwise_kl",
    "renyi_divergence",
    "total_variation",
]
