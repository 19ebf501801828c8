"""What a search finds in a text, in many scripts."""

from __future__ import annotations

import pytest

from p2pchat.model.search import PIECE_CHARS, TERMS_MAX, Query, index_text


def finds(asked: str, text: str) -> bool:
    query = Query.of(asked)
    assert query is not None
    return query.finds(text)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("hello", "Hello, world!"),
        ("HEL", "hello"),
        ("cafe", "a Café"),
        ("naïve", "NAIVE"),
        ("wor hello", "hello world"),
        ("foo-bar", "the foo bar"),
        ("x.y", "x/y"),
        ("你好", "他说你好吗"),
        ("好", "你好"),
        ("GPT模型", "新的 GPT 模型"),
        ("ｆｕｌｌ", "full width"),
        ("がっこう", "がっこうへ行く"),
        ("한국", "한국어"),
        ("ΚΑΛΗΜΕΡΑ", "καλημέρα"),
        ("привет", "Привет!"),
        ("🎉", "well done 🎉🎉"),
        ("𬀀名", "叫𬀀名"),
        ("2026", "on 2026-11-22"),
    ],
)
def test_is_found(asked, text):
    assert finds(asked, text)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("ello", "hello"),  # words are found by how they begin
        ("he", "hello"),  # too short for a beginning
        ("hello there", "hello world"),
        ("foo-bar", "bar foo"),
        ("你好", "你，好"),
        ("你好", "你 好"),
        ("好你", "你好"),
        ("が", "か"),
        ("🎉", "🎊"),
    ],
)
def test_is_not_found(asked, text):
    assert not finds(asked, text)


@pytest.mark.parametrize("asked", ["", "   ", "?!", "_ _", "\u0301"])
def test_nothing_is_asked_for(asked):
    assert Query.of(asked) is None


def test_terms_without_a_word_are_left_out_and_there_is_an_end_to_them():
    query = Query.of("-- hello --")
    assert query is not None
    assert query.finds("hello")
    many = Query.of(" ".join(f"word{n}" for n in range(TERMS_MAX + 5)))
    assert many is not None
    assert len(many.terms) == TERMS_MAX


def test_an_expression_quotes_whatever_it_is_given():
    query = Query.of('say" OR "x NEAR(a) col:b * \0c\ud800')
    assert query is not None
    assert query.expression == '"say"* AND "OR" AND "x" AND "NEAR(a)" AND "col:b" AND "c"'


def test_marks_in_a_row_are_put_in_order_piece_by_piece():
    low, high = "\u05b0", "\u0591"
    ordered = index_text((high + low) * PIECE_CHARS)
    half = PIECE_CHARS // 2
    assert ordered == (low * half + high * half) * 2


def test_the_index_takes_each_character_for_a_word():
    assert index_text("plain ASCII") == "plain ASCII"
    assert index_text("说GPT").split() == ["说", "GPT"]
    assert index_text("🎉é").split() == ["x1f389", "e"]
