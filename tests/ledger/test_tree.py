"""The hash tree against published vectors and against the definition in RFC 6962, written out as it stands there.

Vectors: github.com/transparency-dev/merkle, testonly/constants.go and proof/verify_test.go (Apache-2.0), which took
them from the certificate-transparency reference implementation.
"""

import runpy
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.ledger.tree import (
    EMPTY_ROOT,
    Frontier,
    around,
    consistency_proof,
    extends,
    includes,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_at,
)

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
sizes = st.integers(min_value=1, max_value=200)


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


def grown(leaves: Sequence[bytes]) -> tuple[Frontier, dict[tuple[int, int], bytes]]:
    """The frontier after these leaves, and every complete node."""
    frontier, nodes = Frontier(), {}
    for number, leaf in enumerate(leaves):
        nodes[0, number] = leaf_hash(leaf)
        frontier, completed = frontier.append(leaf_hash(leaf))
        nodes.update({(node.level, node.number): node.digest for node in completed})
    return frontier, nodes


def some_leaves(size: int) -> list[bytes]:
    return [b"%d" % number for number in range(size)]


@pytest.mark.parametrize("size", range(9))
def test_a_root_is_the_published_one(size: int) -> None:
    assert grown(LEAVES[:size])[0].root().hex() == ROOTS[size]


@pytest.mark.parametrize("size", range(1, 9))
def test_the_second_verifier_of_archives_has_the_published_roots(size: int) -> None:
    second = runpy.run_path(str(Path(__file__).parents[2] / "deploy" / "verify_archive.py"))
    edge: list[tuple[int, bytes]] = []
    for leaf in LEAVES[:size]:
        second["grow"](edge, 0, leaf_hash(leaf))
    assert second["root"](edge).hex() == ROOTS[size]


@given(sizes, st.data())
def test_a_tree_of_kept_leaves_and_of_hashes_for_the_rest_has_the_same_edge(size: int, data: st.DataObject) -> None:
    kept = sorted(data.draw(st.sets(st.integers(0, size - 1), max_size=5)))
    whole, nodes = grown(some_leaves(size))
    frontier, alone = Frontier(), []
    for level, number in around(0, size, kept):
        frontier, _ = frontier.append(nodes[level, number], level)
        alone += [number] if not level else []
    assert frontier == whole
    assert set(kept) <= set(alone)


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_an_inclusion_proof_is_the_published_one(index: int, size: int) -> None:
    nodes = grown(LEAVES)[1]
    assert [step.hex() for step in inclusion_proof(index, size, lambda *at: nodes[at])] == INCLUSION[index, size]


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_a_consistency_proof_is_the_published_one(old: int, new: int) -> None:
    nodes = grown(LEAVES)[1]
    assert [step.hex() for step in consistency_proof(old, new, lambda *at: nodes[at])] == CONSISTENCY[old, new]


@given(sizes)
def test_a_tree_grown_leaf_by_leaf_has_the_root_of_the_definition(size: int) -> None:
    assert grown(some_leaves(size))[0].root() == defined_root(some_leaves(size))


@given(sizes, st.data())
def test_the_root_at_any_earlier_size_is_found_again(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    nodes = grown(some_leaves(size))[1]
    assert root_at(old, lambda *at: nodes[at]) == grown(some_leaves(old))[0].root()


@given(sizes, st.data())
def test_an_inclusion_proof_verifies_for_its_leaf_and_for_no_other(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    frontier, nodes = grown(some_leaves(size))
    path = inclusion_proof(index, size, lambda *at: nodes[at])
    proven = [leaf for leaf in range(size) if includes(nodes[0, leaf], leaf, size, path, frontier.root())]
    assert proven == [index]


@given(sizes, st.data())
def test_a_consistency_proof_verifies_for_its_two_trees(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    leaves = some_leaves(size)
    frontier, nodes = grown(leaves)
    path = consistency_proof(old, size, lambda *at: nodes[at])
    assert extends(old, defined_root(leaves[:old]), size, frontier.root(), path)


@given(st.integers(2, 100), st.data())
def test_a_consistency_proof_does_not_verify_for_a_rewritten_past(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size - 1))
    leaves = some_leaves(size)
    frontier, nodes = grown(leaves)
    path = consistency_proof(old, size, lambda *at: nodes[at])
    changed = data.draw(st.integers(0, old - 1))
    forged = [*leaves[:changed], b"forged", *leaves[changed + 1 : old]]
    assert not extends(old, defined_root(forged), size, frontier.root(), path)


@given(sizes, st.data())
def test_a_proof_with_one_flipped_bit_verifies_nothing(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    frontier, nodes = grown(some_leaves(size))
    path = list(inclusion_proof(index, size, lambda *at: nodes[at]))
    if not path:
        return
    step, bit = data.draw(st.integers(0, len(path) - 1)), data.draw(st.integers(0, 255))
    path[step] = (int.from_bytes(path[step], "big") ^ 1 << bit).to_bytes(32, "big")
    assert not includes(nodes[0, index], index, size, path, frontier.root())


def test_a_proof_for_a_leaf_outside_the_tree_is_refused() -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(3, 3, lambda *_: b"")
