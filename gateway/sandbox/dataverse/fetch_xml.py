"""FetchXML text to elements, safely: no document type, so neither entities nor files, and no endless nesting.

Source: Dataverse, Query data using FetchXml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from gateway.sandbox.dataverse.errors import DataverseError, invalid_url

_MAX_DEPTH = 32


@dataclass
class Element:
    """One element with what it holds; complete once the whole text is read."""

    name: str
    attributes: Mapping[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    def required(self, name: str) -> str:
        value = self.attributes.get(name)
        if not value:
            raise invalid_fetch(f"The element '{self.name}' needs the attribute '{name}'.")
        return value

    def is_set(self, name: str) -> bool:
        return self.attributes.get(name, "").lower() in ("true", "1")

    def all(self, name: str) -> Iterator[Element]:
        return (child for child in self.children if child.name == name)

    def only(self, *names: str) -> None:
        """Refuse every child that is called otherwise."""
        for child in self.children:
            if child.name not in names:
                raise invalid_fetch(f"The element '{child.name}' is not expected within '{self.name}'.")


def invalid_fetch(reason: str) -> DataverseError:
    return invalid_url(f"Invalid FetchXML: {reason}")


def read_xml(text: str) -> Element:
    """The root element. Raises: DataverseError when the text is no XML, or more than plain elements."""
    reader = _Reader()
    try:
        reader.parser.Parse(text, True)
    except expat.ExpatError as error:
        raise invalid_fetch(f"{expat.ErrorString(error.code)}, line {error.lineno}, column {error.offset}.") from error
    return reader.root


class _Reader:
    def __init__(self) -> None:
        self.root = Element("", {})
        self._open: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _doctype(self, *_: object) -> None:
        raise invalid_fetch("a document type is not allowed.")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        element = Element(name, attributes)
        if not self._open:
            self.root = element
        else:
            self._open[-1].children.append(element)
        self._open.append(element)
        if len(self._open) > _MAX_DEPTH:
            raise invalid_fetch("it is nested too deeply.")

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        self._open[-1].text += text
