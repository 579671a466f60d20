"""Amounts of money."""

from decimal import Decimal
from typing import Self

import strawberry

from gateway.reading.row import Failure, Row
from schema.access import WITH_ITS_FIELD, seen_by


@seen_by(WITH_ITS_FIELD)
@strawberry.type(description="An amount in one currency.")
class Money:
    """``_currency`` is the branch the code came from: a code, a row of currencies, a failure, or not asked for."""

    amount: Decimal = strawberry.field(description="The amount, exact.")
    _currency: strawberry.Private[object]

    @classmethod
    def of(cls, amount: object, currency: object) -> Self:
        return cls(amount=amount, _currency=currency)  # type: ignore[arg-type]

    @strawberry.field(description="ISO 4217 code. Null when the backend that knows it did not answer.")
    def currency_code(self) -> str | None:
        match self._currency:
            case Failure() as failure:
                failure.tell()
                return None
            case Row() as row:
                code = row.get("isocurrencycode")
                return str(code) if code is not None else None
            case str() as code:
                return code
            case _:
                return None
