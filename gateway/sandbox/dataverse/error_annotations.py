"""What an error object says beyond code and message, when annotations are asked for.

    {"error": {"code": "0x80040217", "message": "…", "@Microsoft.PowerApps.CDS.HelpLink": "…", …}}

Source: Dataverse, Compose HTTP requests and handle errors, section Include more details with errors.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.sandbox.dataverse.errors import DataverseError
from gateway.sandbox.dataverse.preferences import Preferences

_NAMESPACE = "Microsoft.PowerApps.CDS."
_HELP = "http://go.microsoft.com/fwlink/?LinkID=398563&error=Microsoft.Crm.CrmException%3a{code}&client=platform"


def error_body(error: DataverseError, preferences: Preferences) -> dict[str, object]:
    """The error object of an answer, with the annotations that were asked for."""
    details = {
        f"@{_NAMESPACE}{name}": value
        for name, value in _details(error).items()
        if preferences.wants(f"{_NAMESPACE}{name}")
    }
    return {"error": {"code": error.code, "message": error.message, **details}}


def _details(error: DataverseError) -> Mapping[str, str]:
    return {
        "ErrorDetails.OperationStatus": "0",
        "ErrorDetails.SubErrorCode": "2146233088",
        "HelpLink": _HELP.format(code=error.code.removeprefix("0x")),
        "TraceText": "",
        "InnerError.Message": error.message,
    }
