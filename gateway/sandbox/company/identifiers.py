"""Ids of the demo company: each is computed from the natural key of its record, so it is the same on every start."""

from datetime import datetime
from functools import lru_cache
from hashlib import sha1
from typing import Final
from uuid import UUID, uuid5

from gateway.sandbox.identity.people import TENANT_ID

_BUSINESS_CENTRAL: Final = uuid5(UUID(TENANT_ID), "business-central").bytes
_DATAVERSE: Final = uuid5(UUID(TENANT_ID), "dataverse").bytes

ENVIRONMENT: Final = "Production"
COMPANY_NAME: Final = "Wheelhouse Supply"
CURRENCY_CODE: Final = "EUR"


@lru_cache(maxsize=16_384)
def bc_id(kind: str, key: object) -> str:
    """The SystemId of a record in Business Central."""
    return _name_based(_BUSINESS_CENTRAL, f"{kind}:{key}")


@lru_cache(maxsize=16_384)
def crm_id(kind: str, key: object) -> str:
    """The primary key of a row in Dataverse; never the id of its partner in Business Central."""
    return _name_based(_DATAVERSE, f"{kind}:{key}")


def _name_based(space: bytes, name: str) -> str:
    """What `str(uuid5(…))` says, five times as fast: a large company needs dozens of ids for each customer.

    Source: RFC 9562, UUID version 5.
    """
    digits = sha1(space + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def bc_instant(moment: datetime) -> str:
    """`2026-05-04T07:41:22.37Z`: milliseconds without trailing zeros.

    Source: Business Central API v2.0, recorded responses.
    """
    return moment.isoformat(timespec="milliseconds")[:23].rstrip("0").rstrip(".") + "Z"


def crm_instant(moment: datetime) -> str:
    """`2026-05-04T07:41:22Z`: whole seconds.

    Source: Dataverse Web API, behavior and format of the date and time column.
    """
    return moment.isoformat(timespec="seconds")[:19] + "Z"


COMPANY_ID: Final = bc_id("company", COMPANY_NAME)
ORGANIZATION_ID: Final = crm_id("organization", "wheelhouse")
CRM_COMPANY_ID: Final = crm_id("bcbi_company", COMPANY_NAME)
ROOT_UNIT_ID: Final = crm_id("businessunit", "root")
COMPANY_UNIT_ID: Final = crm_id("businessunit", COMPANY_NAME)
KEY_ACCOUNTS_UNIT_ID: Final = crm_id("businessunit", "key accounts")
DEFAULT_TEAM_ID: Final = crm_id("team", COMPANY_NAME)
