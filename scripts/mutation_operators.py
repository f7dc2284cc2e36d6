"""The single changes that scripts/mutate makes: cosmic-ray's that say something, and some of our own.

An operator, as cosmic-ray has them, says where in a parso tree it can change something, and does it. parso
knows no `match`, but finds what is inside.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import parso
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Keyword, Name, Number, Operator
from parso.tree import NodeOrLeaf

Positions = Iterator[tuple[tuple[int, int], tuple[int, int]]]

_CHOSEN = """
ReplaceComparisonOperator_Eq_NotEq ReplaceComparisonOperator_NotEq_Eq ReplaceComparisonOperator_Is_IsNot
ReplaceComparisonOperator_IsNot_Is ReplaceComparisonOperator_Lt_LtE ReplaceComparisonOperator_Lt_GtE
ReplaceComparisonOperator_LtE_Lt ReplaceComparisonOperator_LtE_Gt ReplaceComparisonOperator_Gt_GtE
ReplaceComparisonOperator_Gt_LtE ReplaceComparisonOperator_GtE_Gt ReplaceComparisonOperator_GtE_Lt
ReplaceBinaryOperator_Add_Sub ReplaceBinaryOperator_Sub_Add ReplaceBinaryOperator_Mul_Add
ReplaceBinaryOperator_Div_Mul ReplaceBinaryOperator_FloorDiv_Mul ReplaceBinaryOperator_Mod_FloorDiv
ReplaceBinaryOperator_Pow_Mul ReplaceBinaryOperator_LShift_RShift ReplaceBinaryOperator_RShift_LShift
ReplaceBinaryOperator_BitOr_BitAnd ReplaceBinaryOperator_BitAnd_BitOr ReplaceBinaryOperator_BitXor_BitAnd
ReplaceUnaryOperator_Delete_Not ReplaceUnaryOperator_Delete_USub ReplaceUnaryOperator_Delete_Invert
AddNot ReplaceTrueWithFalse ReplaceFalseWithTrue ReplaceAndWithOr ReplaceOrWithAnd
ReplaceBreakWithContinue ReplaceContinueWithBreak RemoveDecorator ZeroIterationForLoop
"""


def _span(node: NodeOrLeaf) -> tuple[tuple[int, int], tuple[int, int]]:
    return node.start_pos, node.end_pos


def _children(node: NodeOrLeaf) -> list[Any]:
    return getattr(node, "children", [])


def _is_statement(node: NodeOrLeaf) -> bool:
    return node.parent is not None and node.parent.type == "simple_stmt"


def _instead(node: NodeOrLeaf, word: str) -> Name:
    """Return `word` where `node` stands, after the space before it."""
    prefix: str = node.get_first_leaf().prefix  # type: ignore[no-untyped-call]
    return Name(word, node.start_pos, prefix=prefix)


class NumberChanged:
    """A number is one more, or one less."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of a number, twice."""
        if isinstance(node, Number):
            yield from (_span(node), _span(node))

    def mutate(self, node: Number, index: int) -> NodeOrLeaf:
        """Return the other number."""
        return _instead(node, str(ast.literal_eval(node.value) + (-1 if index else 1)))


class CallLeftOut:
    """A call whose value nobody uses is left out, an awaited one too."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of a statement that is a call."""
        is_call = node.type in ("atom_expr", "power") and _children(node)[-1].type == "trailer"
        if is_call and _is_statement(node) and _children(node)[-1].children[0] == "(":
            yield _span(node)

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Return what stands there instead."""
        return _instead(node, "pass")


class SettingLeftOut:
    """An attribute or an item is not set, a sum is not added to."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of such an assignment."""
        if node.type != "expr_stmt" or not _is_statement(node):
            return
        target, then = _children(node)[:2]
        is_augmented = isinstance(then, Operator) and then.value != "="
        if is_augmented or (then.type != "annassign" and target.type in ("atom_expr", "power")):
            yield _span(node)

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Return what stands there instead."""
        return _instead(node, "pass")


class BranchLeftOut:
    """The condition of an `if`, `elif` or `while` never holds."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of each condition."""
        for at in self._conditions(node):
            yield _span(_children(node)[at])

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Return the statement with another condition."""
        children = _children(node)
        at = self._conditions(node)[index]
        children[at] = _instead(children[at], "False")
        return node

    @staticmethod
    def _conditions(node: NodeOrLeaf) -> list[int]:
        if node.type not in ("if_stmt", "while_stmt"):
            return []
        children = _children(node)
        return [
            n + 1 for n, child in enumerate(children) if isinstance(child, Keyword) and child.value != "else"
        ]


class ReturnNone:
    """None is returned instead of a value; instead of False it would mostly change nothing."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of a value that is returned."""
        if node.type == "return_stmt" and _children(node)[1].get_code().strip() not in ("None", "False"):
            yield _span(_children(node)[1])

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Return the statement with None."""
        children = _children(node)
        children[1] = _instead(children[1], "None")
        return node


class ExceptionNotCaught:
    """One of the exceptions that an `except` names is not caught; cosmic-ray's takes plain names only."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of each of them."""
        for parent, at in self._caught(node):
            yield _span(_children(parent)[at])

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Return the clause with another exception, which is never raised."""
        parent, at = self._caught(node)[index]
        children = _children(parent)
        children[at] = _instead(children[at], "NotImplementedError")
        return node

    @staticmethod
    def _caught(node: NodeOrLeaf) -> list[tuple[NodeOrLeaf, int]]:
        """Return the nodes that stand for an exception, each as its parent and its place there."""
        if node.type != "except_clause":
            return []
        inside = _children(_children(node)[1])
        if not inside or inside[0] != "(":
            return [(node, 1)]
        several = inside[1]
        if several.type != "testlist_comp":
            return [(_children(node)[1], 1)]
        return [(several, n) for n in range(0, len(_children(several)), 2)]


class MembershipTurned:
    """`in` and `not in` change places."""

    def mutation_positions(self, node: NodeOrLeaf) -> Positions:
        """Yield the position of each of them."""
        for at in self._found(node):
            yield _span(_children(node)[at])

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        """Return the comparison with the other one."""
        children = _children(node)
        at = self._found(node)[index]
        children[at] = _instead(children[at], "in" if children[at].type == "comp_op" else "not in")
        return node

    @staticmethod
    def _found(node: NodeOrLeaf) -> list[int]:
        children = _children(node) if node.type == "comparison" else []
        message = [child.get_code().split() for child in children]
        return [n for n in range(1, len(message), 2) if message[n] in (["in"], ["not", "in"])]


_OF_OUR_OWN = (
    *(NumberChanged, CallLeftOut, SettingLeftOut, BranchLeftOut, ReturnNone, ExceptionNotCaught),
    MembershipTurned,
)

OPERATORS: dict[str, Any] = {name: OperatorProvider()[name]() for name in _CHOSEN.split()}
OPERATORS |= {one.__name__: one() for one in _OF_OUR_OWN}


def tree_of(source: str) -> NodeOrLeaf:
    """Return the parso tree that operators look at."""
    tree: NodeOrLeaf = parso.parse(source)  # type: ignore[no-untyped-call]
    return tree
