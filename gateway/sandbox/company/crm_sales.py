"""Rows of Dataverse about products and the sales orders that were made from them."""

from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal

from gateway.sandbox.company.accounts import Account, account_of
from gateway.sandbox.company.bc_orders import ordered_at
from gateway.sandbox.company.crm_columns import audited, money, owned, sent_at
from gateway.sandbox.company.crm_setup import company_lookup, price_list_id
from gateway.sandbox.company.crm_units import unit_columns, unit_id
from gateway.sandbox.company.identifiers import ORGANIZATION_ID, crm_id, crm_instant
from gateway.sandbox.company.orders import Order, OrderLine, story_orders
from gateway.sandbox.company.products import Product, products
from gateway.sandbox.company.rows import Row, Sets
from gateway.sandbox.company.story import STORY_TIME


def sales_sets(item_count: int) -> Sets:
    yield "products", map(_product, products(item_count))
    yield "salesorders", (_order(order, account) for order, account in _orders())
    yield (
        "salesorderdetails",
        (_detail(order, account, line=line) for order, account in _orders() for line in order.lines),
    )


def _product(product: Product) -> Row:
    state, reason = product.state.value
    return {
        "productid": product.id,
        "productnumber": product.number,
        "name": product.name,
        "productstructure": 1,
        "producttypecode": 3 if product.is_service else 1,
        "isstockitem": not product.is_service,
        "quantitydecimal": 2,
        "quantityonhand": product.on_hand,
        **unit_columns(product.number, product.unit),
        "_pricelevelid_value": price_list_id(""),
        "_organizationid_value": ORGANIZATION_ID,
        "statecode": state,
        "statuscode": reason,
        **money("", {"price": product.price, "standardcost": product.cost, "currentcost": product.cost}),
        **company_lookup(),
        **audited(product.created_at, product.modified_at, by=product.modified_by),
    }


def _orders() -> Iterator[tuple[Order, Account]]:
    """Every third order of the story, where the customer has an account in the currency of the order."""
    for order in story_orders()[::3]:
        account = account_of(order.customer)
        if account is not None and account.currency == order.customer.currency:
            yield order, account


def _order(order: Order, account: Account) -> Row:
    total = order.amount + order.tax
    sums = {
        "totallineitemamount": order.amount,
        "totalamountlessfreight": order.amount,
        "totaltax": order.tax,
        "totalamount": total,
        "totaldiscountamount": Decimal(0),
    }
    return {
        "salesorderid": order.crm_id,
        "name": f"{account.name}, {order.ordered:%B %Y}",
        "ordernumber": f"ORD-{order.index + 1001:05d}",
        "bcbi_businesscentralordernumber": order.number,
        "_customerid_value": account.id,
        "_accountid_value": account.id,
        "_pricelevelid_value": price_list_id("USD" if account.currency == "USD" else ""),
        "requestdeliveryby": crm_instant(datetime.combine(order.requested, time(), tzinfo=STORY_TIME.tzinfo)),
        "submitdate": crm_instant(ordered_at(order)) if order.released else None,
        "ispricelocked": False,
        "statecode": 1 if order.released else 0,
        "statuscode": 3 if order.released else 1,
        **money(account.currency, sums),
        **company_lookup(),
        **owned(account.owner),
        **audited(ordered_at(order), sent_at(ordered_at(order))),
    }


def _detail(order: Order, account: Account, *, line: OrderLine) -> Row:
    ware = line.item
    named = {"_productid_value": ware.product_id, "productnumber": ware.number} if ware.coupled else {}
    sums = {
        "priceperunit": line.unit_price,
        "baseamount": (line.quantity * line.unit_price).quantize(Decimal("0.01")),
        "manualdiscountamount": line.discount,
        "tax": line.tax,
        "extendedamount": line.amount + line.tax,
    }
    return {
        "salesorderdetailid": crm_id("salesorderdetail", f"{order.number}:{line.sequence}"),
        "salesorderdetailname": ware.name,
        "_salesorderid_value": order.crm_id,
        "lineitemnumber": line.sequence // 10_000,
        "sequencenumber": line.sequence // 10_000,
        "bcbi_businesscentrallinenumber": line.sequence,
        **named,
        "productname": ware.name,
        "productdescription": None if ware.coupled else ware.name,
        "isproductoverridden": not ware.coupled,
        "ispriceoverridden": True,
        "producttypecode": 1,
        "_uomid_value": unit_id(ware.number, ware.unit),
        "quantity": line.quantity,
        "quantityshipped": line.shipped,
        "salesorderstatecode": 1 if order.released else 0,
        "_ownerid_value": owned(account.owner)["_ownerid_value"],
        **money(account.currency, sums),
        **audited(ordered_at(order), sent_at(ordered_at(order))),
    }
