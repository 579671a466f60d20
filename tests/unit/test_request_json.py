"""What is taken for JSON: exactly what can be read and can be written again."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.request_json import read_document

PARTS = st.sampled_from(
    ["\\ud83d", "\\uDE00", "\\uD800", "\\udfff", "\\u0041", "\\\\", "\\n", '\\"', "u", "ud83d", "uDE00", "a", "ö", "😀"]
)
TEXTS = st.lists(PARTS, max_size=8).map(lambda parts: '{"query": "' + "".join(parts) + '"}')


def writable(text: str) -> bool:
    try:
        json.dumps(json.loads(text), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


@given(text=TEXTS)
@example(text='{"query": "\\ud83d\\\\\\ude00"}')
@example(text='{"query": "\\\\\\ud83d\\ude00"}')
@example(text='{"query": "\\ud83d\\ud83d\\ude00"}')
@example(text='{"query": "\\ud83d\\ude00\\ude00"}')
@example(text='{"query": "\\\\ud83d"}')
def test_half_a_character_is_found_without_writing_anything(text: str) -> None:
    for given_as in (text, text.encode(), text.encode("utf-16")):
        if writable(text):
            assert read_document(given_as) == json.loads(text)
        else:
            with pytest.raises(ValueError, match="half a character"):
                read_document(given_as)


@pytest.mark.parametrize(
    "data",
    [b'"\xed\xa0\x80"', '"\ud800"', b'"\xff"', b"[" * 100_000, "[" * 100_000, b"1" * 6_000, b"{", b"", "\ufeff{}"],
    ids=["raw_half", "raw_half_text", "no_utf_8", "deep", "deep_text", "huge_number", "cut", "empty", "mark"],
)
def test_what_is_no_json_is_a_value_error(data: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind: json's own, the codec's, ours
        read_document(data)
