"""The figures of one item, split by location and by variant. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from gateway.figures.outlook import NOTHING, Outlook, Reservation
from gateway.figures.picture import Question
from gateway.figures.unavailable import Figure, Unavailable, given


@dataclass(frozen=True, slots=True)
class VariantFigures:
    """One variant, over the locations asked for, whatever the date."""

    code: str
    inventory: Decimal
    on_sales_orders: Decimal
    on_purchase_orders: Decimal
    reserved: Decimal
    projected: Decimal


class LocationFigures:
    """One location: its own outlook, where transfers count."""

    def __init__(
        self,
        code: str,
        outlook: Outlook,
        question: Question,
        reserved: Sequence[Reservation] | Unavailable,
        *,
        blocked: bool,
    ) -> None:
        self.code = code
        self.outlook = outlook
        self._question = question
        self._reserved = reserved
        self._blocked = blocked

    @property
    def projected(self) -> Decimal:
        return self.outlook.projected(self._question.on)

    @property
    def gross_requirement(self) -> Decimal:
        return self.outlook.gross_requirement(self._question.on)

    @property
    def scheduled_receipt(self) -> Decimal:
        return self.outlook.scheduled_receipt(self._question.on)

    @property
    def reserved(self) -> Figure:
        return given(self._reserved, kept_in_stock)

    @property
    def available_to_promise(self) -> Figure:
        ask = self._question
        return given(
            self._reserved,
            lambda entries: self.outlook.available_to_promise(ask.on, look_ahead=ask.look_ahead, reserved=entries),
        )

    @property
    def is_sufficient(self) -> bool | None:
        """None when no quantity was asked for; never of a blocked item."""
        ask = self._question
        if ask.quantity is None:
            return None
        if self._blocked:
            return False
        return self.outlook.is_sufficient(ask.quantity, on=ask.leaving, look_ahead=ask.look_ahead)

    @property
    def earliest(self) -> date | None:
        ask = self._question
        if ask.quantity is None or self._blocked:
            return None
        return self.outlook.earliest(ask.quantity, today=ask.today, look_ahead=ask.look_ahead)


def kept_in_stock(entries: Sequence[Reservation]) -> Decimal:
    """What of the stock is kept for a demand."""
    return sum((each.quantity for each in entries if each.from_stock), NOTHING)
