"""Ids of the demo company: each is computed from the natural key of its record, so it is the same on every start."""

from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from gateway.sandbox.identity.people import TENANT_ID

_BUSINESS_CENTRAL: Final = uuid5(UUID(TENANT_ID), "business-central")
_DATAVERSE: Final = uuid5(UUID(TENANT_ID), "dataverse")

ENVIRONMENT: Final = "Production"
COMPANY_NAME: Final = "Wheelhouse Supply"
CURRENCY_CODE: Final = "EUR"


def bc_id(kind: str, key: object) -> str:
    """The SystemId of a record in Business Central."""
    return str(uuid5(_BUSINESS_CENTRAL, f"{kind}:{key}"))


def crm_id(kind: str, key: object) -> str:
    """The primary key of a row in Dataverse; never the id of its partner in Business Central."""
    return str(uuid5(_DATAVERSE, f"{kind}:{key}"))


def bc_instant(moment: datetime) -> str:
    """`2026-05-04T07:41:22.37Z`: milliseconds without trailing zeros.

    Source: Business Central API v2.0, recorded responses.
    """
    fraction = f".{moment.microsecond // 1000:03d}".rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%dT%H:%M:%S}{fraction}Z"


def crm_instant(moment: datetime) -> str:
    """`2026-05-04T07:41:22Z`: whole seconds.

    Source: Dataverse Web API, behavior and format of the date and time column.
    """
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


COMPANY_ID: Final = bc_id("company", COMPANY_NAME)
ORGANIZATION_ID: Final = crm_id("organization", "wheelhouse")
CRM_COMPANY_ID: Final = crm_id("bcbi_company", COMPANY_NAME)
ROOT_UNIT_ID: Final = crm_id("businessunit", "root")
COMPANY_UNIT_ID: Final = crm_id("businessunit", COMPANY_NAME)
DEFAULT_TEAM_ID: Final = crm_id("team", COMPANY_NAME)
