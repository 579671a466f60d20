"""What is only spelling."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.matching.criteria import ValueKind
from gateway.matching.legal_forms import AT_THE_END
from gateway.matching.normalise import normalise
from gateway.matching.record import Value

COMPANIES = {
    "muller": [
        "Müller GmbH",
        "MÜLLER GmbH & Co. KG",
        "Müller G.m.b.H.",
        "Müller e.K.",
        "Firma Müller",
        "Müller UG (haftungsbeschränkt)",
        "Muller Ltd.",
        "Muller Limited",
        "Muller L.L.C.",
        "Muller, Inc.",
        "Muller & Co",
        "Muller and Company",
        "Müller PLC",
        "Müller S.A.",
        "Müller S. A.",
        "Müller SAS",
        "Müller S.à r.l.",
        "Müller S.r.l.",
        "Müller SpA",
        "Müller B.V.",
        "Müller N.V.",
        "Müller A/S",
        "Müller ApS",
        "AB Müller",
        "Müller Oy",
        "Müller OYJ",
        "Müller s.r.o.",
        "Müller, spol. s r.o.",
        "Müller a.s.",
        "Müller Sp. z o.o.",
        "Müller Sp. k.",
        "Müller Kft.",
        "Müller Pty Ltd",
        "  müller\u00a0 ",
        "Mu\u0308ller",
        "Ｍüller",
    ],
    "dr moller sohne": ["Dr. Möller & Söhne OHG", "Dr Möller und Söhne", "DR. MÖLLER + SÖHNE AG"],
    "jr meyer": ["J. R. Meyer", "JR Meyer", "J.R. Meyer KG"],
    "3m": ["3M Co.", "3M"],
    "strasse": ["Straße", "STRASSE"],
    "aeroskobing": ["Ærøskøbing", "AEROSKOBING A/S"],
    "lodz": ["Łódź Sp. z o.o."],
    "o neil s 100": ["O'Neil's 100%", 'O_Neil`s "100"'],
    "gmbh": ["GmbH"],
    "ag": ["AG GmbH", "AG"],
    "and": ["and"],
    "": ["", " ", "!!!", "---"],
}


@pytest.mark.parametrize(("name", "normal"), [(name, normal) for normal, names in COMPANIES.items() for name in names])
def test_a_name_has_no_legal_form_accents_or_punctuation(name: str, normal: str) -> None:
    assert normalise(name, ValueKind.NAME) == normal


@pytest.mark.parametrize("name", ["Coop", "Agrar", "Sapient", "Abba", "Seat", "Limited Edition Wines"])
def test_a_legal_form_within_a_word_or_sentence_stays(name: str) -> None:
    assert normalise(name, ValueKind.NAME) == name.lower()


@pytest.mark.parametrize(
    ("kind", "written", "normal"),
    [
        (ValueKind.PHONE, "+49 (0)30 90-18", "309018"),
        (ValueKind.PHONE, "0049 30 9018", "309018"),
        (ValueKind.PHONE, "030/9018", "309018"),
        (ValueKind.PHONE, "Tel. +49 30 9018", "309018"),
        (ValueKind.PHONE, "030 9018 ext. 12", "309018"),
        (ValueKind.PHONE, "030 9018 #12", "309018"),
        (ValueKind.PHONE, "+420 224 111 111", "224111111"),
        (ValueKind.PHONE, "+1 (425) 555-0100", "4255550100"),
        (ValueKind.PHONE, "(425) 555-0100", "4255550100"),
        (ValueKind.PHONE, "+39 06 1234567", "61234567"),
        (ValueKind.PHONE, "06 1234567", "61234567"),
        (ValueKind.PHONE, "０３０ ９０１８", "309018"),
        (ValueKind.PHONE, "n/a", ""),
        (ValueKind.PHONE, "000", ""),
        (ValueKind.PHONE, "+49", "49"),
        (ValueKind.EMAIL, " Info@Contoso.COM ", "info@contoso.com"),
        (ValueKind.EMAIL, "none", ""),
        (ValueKind.WEB, "https://www.Contoso.com/", "contoso.com"),
        (ValueKind.WEB, "contoso.com", "contoso.com"),
        (ValueKind.WEB, "HTTP://contoso.com:8080/de?x=1", "contoso.com"),
        (ValueKind.WEB, "//contoso.com.", "contoso.com"),
        (ValueKind.WEB, "https://www.facebook.com/Contoso/", "facebook.com/contoso"),
        (ValueKind.WEB, "keine", ""),
        (ValueKind.WEB, "http://", ""),
        (ValueKind.CODE, " ab-12.3 ", "ab123"),
        (ValueKind.CODE, "100%", "100"),
        (ValueKind.POSTAL_CODE, "D-10115", "10115"),
        (ValueKind.POSTAL_CODE, "A 1010", "1010"),
        (ValueKind.POSTAL_CODE, "SW1A 1AA", "sw1a1aa"),
        (ValueKind.TEXT, "Kölner Str. 5", "kolner str 5"),
        (ValueKind.TEXT, "Bahnhof GmbH", "bahnhof gmbh"),
        (ValueKind.OTHER, "  DE ", "de"),
        (ValueKind.OTHER, Decimal("1.50"), normalise(Decimal("1.5"), ValueKind.OTHER)),
        (ValueKind.OTHER, Decimal("0.00"), "0"),
        (ValueKind.OTHER, False, "False"),
        (ValueKind.OTHER, None, ""),
    ],
)
def test_each_kind_has_its_own_spelling(kind: ValueKind, written: Value, normal: str) -> None:
    assert normalise(written, kind) == normal


@given(st.text(max_size=60) | st.text("aegkmbhsocu.&/ -+0194@w:#", max_size=40), st.sampled_from(ValueKind))
@example("a n d b", ValueKind.NAME)
@example("foo a n d", ValueKind.NAME)
@example("www. www.a.b", ValueKind.WEB)
@example("İstanbul", ValueKind.NAME)
def test_normalising_twice_is_normalising_once(text: str, kind: ValueKind) -> None:
    once = normalise(text, kind)
    assert normalise(once, kind) == once


@given(st.lists(st.sampled_from(sorted(AT_THE_END)), min_size=1, max_size=6))
def test_something_is_left_of_a_name_of_legal_forms(forms: list[str]) -> None:
    assert normalise(" ".join(forms), ValueKind.NAME)
