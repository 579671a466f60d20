"""What of a system's message people may read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.odata.vendor_words import MOST_CHARACTERS, for_people, without_secrets, word

JWT = "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl"

TOLD = {
    "Phone No. has 31 characters; at most 30 are allowed.": "Phone No. has 31 characters; at most 30 are allowed.",
    "Select a customer from the list.": "Select a customer from the list.",
    "Update the record and set a name.": "Update the record and set a name.",
    "Resource not found for the segment 'x/y'.": "Resource not found for the segment 'x/y'.",
    "Record 01/02/2026 is in the past.": "Record 01/02/2026 is in the past.",
    "Go to https://contoso.crm4.dynamics.com/main.aspx?key=1 and look.": "Go to [address] and look.",
    r"Could not find C:\inetpub\wwwroot\bin\x.dll here": "Could not find [path] here",
    "No file /opt/app/config/secrets.json": "No file [path]",
    "password=hunter22 is wrong": "password=[redacted] is wrong",
    '"clientState": "abcdef", refused': '"clientState": "[redacted]", refused',
    f"The header was Bearer {JWT}": "The header was Bearer [redacted]",
    f"It was {JWT}": "It was [redacted]",
    "a\r\nb\x00c": "a  b c",
}
UNTOLD = [
    "Sql error: Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060",
    "System.NullReferenceException: Object reference not set",
    "Something\r\n   at Microsoft.Crm.Extensibility.Pipeline.Execute()",
    "SELECT name FROM AccountBase failed",
    "Data Source=db01;Initial Catalog=crm",
    "Exception of type 'x' was thrown",
    "",
    "  ",
]


@pytest.mark.parametrize("text", TOLD)
def test_a_message_for_people_goes_on_without_what_is_not_theirs(text: str) -> None:
    assert for_people(text) == TOLD[text]


@pytest.mark.parametrize("text", UNTOLD)
def test_the_inside_of_a_program_goes_nowhere(text: str) -> None:
    assert for_people(text) is None


@given(st.text())
def test_what_is_told_is_bounded_and_one_line(text: str) -> None:
    told = for_people(text)
    assert told is None or (0 < len(told) <= MOST_CHARACTERS + 1 and told.isprintable())


@pytest.mark.parametrize("text", ["0x80040217", "Internal_CompanyNotFound", "9e1f0f0e-6c1d-4f6e-9a5e-1b9f3c0c7d10"])
def test_a_code_is_one_word(text: str) -> None:
    assert word(text) == text
    assert word(f"{text} and more") is None


def test_the_log_gets_the_whole_text_without_secrets() -> None:
    text = f"System.IO.IOException: pwd={JWT}; at C:\\a\\b"
    assert without_secrets(text) == "System.IO.IOException: pwd=[redacted]; at C:\\a\\b"
