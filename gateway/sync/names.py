"""A person's name: one text in Business Central's API, three columns in CRM. Pure.

Source: Business Central, table Contact, "ProcessNameParts"; Dataverse, "Contact table", ``firstname`` and its neighbours.
"""

from collections.abc import Iterable


def split(name: str) -> tuple[str, str, str]:
    """First, middle and last name; a single word is the last name, which CRM's forms insist on.

    ``"Anna Maria de Vos"`` is Anna, Maria de, Vos.
    """
    words = name.split()
    if len(words) < 2:
        return "", "", "".join(words)
    return words[0], " ".join(words[1:-1]), words[-1]


def join(parts: Iterable[object]) -> str:
    """The whole name. CRM's own, ``fullname``, leaves out the middle one in most organizations."""
    return " ".join(word for part in parts if isinstance(part, str) for word in part.split())
