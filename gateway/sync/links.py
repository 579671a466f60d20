"""Links that open a record where people work with it. Pure.

Source: Business Central, "Web Client URL"; Power Apps, "Open apps, forms, views, dialogs, and reports with a URL".
"""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit
from uuid import UUID

from gateway.sync.mapping import Table

_API_HOST = "api.businesscentral.dynamics.com"
_WEB_ROOT = "https://businesscentral.dynamics.com"


@dataclass(frozen=True, slots=True)
class WebClients:
    """Where people open both systems. ``business_central`` is None where nobody has said."""

    business_central: str | None
    dataverse: str

    def record(self, company: str, table: Table, number: str) -> str | None:
        """A record of Business Central on its page, found by its number: a page opens by a filter, not by a SystemId.

        None where nobody has said which page that is, or where the web client is.

        ``…/?company=CRONUS%20NL&page=21&filter='No.' IS 'C00210'``, percent-encoded.
        """
        if self.business_central is None or not table.page:
            return None
        condition = f"{_quoted(table.key_field)} IS {_quoted(number)}"
        return f"{self.business_central}/?company={_encoded(company)}&page={table.page}&filter={_encoded(condition)}"

    def row(self, table: Table, id: UUID) -> str | None:
        """A row of CRM on its form; an option of a choice has none."""
        if table.source.choice is not None:
            return None
        return f"{self.dataverse}/main.aspx?pagetype=entityrecord&etn={table.page}&id={id}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _encoded(text: str) -> str:
    return quote(text, safe="", errors="replace")  # half a character has no code


def web_root(api_url: str) -> str | None:
    """The web client of the environment an API address leads to; None where it is not Microsoft's own.

    ``https://api.businesscentral.dynamics.com/v2.0/{tenant}/{environment}/api/v2.0`` is
    ``https://businesscentral.dynamics.com/{tenant}/{environment}``.
    """
    parts = urlsplit(api_url)
    segments = [each for each in parts.path.split("/") if each]
    if parts.hostname != _API_HOST or len(segments) < 3:
        return None
    tenant, environment = segments[1], segments[2]
    return f"{_WEB_ROOT}/{tenant}/{environment}" if environment != "api" else None
