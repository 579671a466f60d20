"""Prices and offers of Dataverse: what the price lists hold, and the lines of an opportunity of the story.

Source: Dynamics 365 Sales, Price List Item and Opportunity Product table reference.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Final

from gateway.sandbox.company import story
from gateway.sandbox.company.codes import EURO, Currency, currency
from gateway.sandbox.company.crm_columns import audited, money, owned, set_up
from gateway.sandbox.company.crm_setup import price_list_id
from gateway.sandbox.company.crm_units import unit_group_id, unit_id
from gateway.sandbox.company.identifiers import ORGANIZATION_ID, crm_id
from gateway.sandbox.company.items import item, item_index
from gateway.sandbox.company.opportunities import Opportunity, story_opportunities
from gateway.sandbox.company.products import Product, product_of, products
from gateway.sandbox.company.rows import Row, Sets
from gateway.sandbox.company.story import STORY_TIME

_CENT: Final = Decimal("0.01")
_PRICE_LISTS: Final = ("", "USD")
_OFFERED: Final = ((story.IN_STOCK, Decimal(40)), (story.OUT_OF_STOCK, Decimal(10)))


def price_sets(item_count: int) -> Sets:
    yield "productpricelevels", _price_list_items(item_count)
    yield "opportunityproducts", iter(_offer_lines())


def price_in(product: Product, one: Currency) -> Decimal:
    """The price of a product in a price list of that currency."""
    return (product.price * one.rate).quantize(_CENT)


def _price_list_items(item_count: int) -> Iterator[Row]:
    """Every product at its price; the dollar list only has what the story sells."""
    for product in products(item_count):
        for code in _PRICE_LISTS if product.number in dict(_OFFERED) else _PRICE_LISTS[:1]:
            yield _price_list_item(product, code)


def _price_list_item(product: Product, code: str) -> Row:
    return {
        "productpricelevelid": crm_id("productpricelevel", f"{product.number}:{code or EURO.code}"),
        "productnumber": product.number,
        "_pricelevelid_value": price_list_id(code),
        "_productid_value": product.id,
        "_uomid_value": unit_id(product.number, product.unit),
        "_uomscheduleid_value": unit_group_id(product.number, product.unit),
        "pricingmethodcode": 1,
        "quantitysellingcode": 1,
        "roundingpolicycode": 1,
        "organizationid": ORGANIZATION_ID,
        **money(code, {"amount": price_in(product, currency(code))}),
        **set_up(),
    }


@cache
def _offer_lines() -> tuple[Row, ...]:
    offer = next(one for one in story_opportunities() if one.name == story.OFFER)
    return tuple(_offer_line(offer, place, *line) for place, line in enumerate(_OFFERED, start=1))


def _offer_line(offer: Opportunity, place: int, number: str, quantity: Decimal) -> Row:
    product = product_of(item(item_index(number)))
    amount = (quantity * product.price).quantize(_CENT)
    sums = {"priceperunit": product.price, "baseamount": amount, "tax": Decimal(0), "extendedamount": amount}
    return {
        "opportunityproductid": crm_id("opportunityproduct", f"{offer.id}:{place}"),
        "opportunityproductname": product.name,
        "productname": product.name,
        "_opportunityid_value": offer.id,
        "_productid_value": product.id,
        "_uomid_value": unit_id(product.number, product.unit),
        "_ownerid_value": owned(offer.owner)["_ownerid_value"],
        "lineitemnumber": place,
        "sequencenumber": place,
        "isproductoverridden": False,
        "ispriceoverridden": False,
        "producttypecode": 1,
        "pricingerrorcode": 0,
        "quantity": quantity,
        **money(offer.account.currency, sums),
        **audited(STORY_TIME.replace(day=2), STORY_TIME.replace(day=2)),
    }


def offer_totals(offer: Opportunity) -> dict[str, Decimal]:
    """The totals of an opportunity with lines; nothing for the others."""
    if offer.name != story.OFFER:
        return {}
    total = sum((Decimal(str(line["extendedamount"])) for line in _offer_lines()), Decimal(0))
    nothing = dict.fromkeys(("totaltax", "totaldiscountamount", "totallineitemdiscountamount"), Decimal(0))
    return {"totallineitemamount": total, "totalamountlessfreight": total, "totalamount": total, **nothing}
