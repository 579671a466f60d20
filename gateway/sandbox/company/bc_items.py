"""Rows of Business Central about items: cards, variants, the item ledger, and what is on its way."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from gateway.sandbox.company.identifiers import bc_id, bc_instant
from gateway.sandbox.company.items import Item, items
from gateway.sandbox.company.orders import posted
from gateway.sandbox.company.rows import Row, Sets, given
from gateway.sandbox.company.stock import SALE, StockEntry, inventory
from gateway.sandbox.company.supply import PurchaseLine, TransferLine, purchase_lines, transfer_lines
from gateway.sandbox.company.units import ITEM_UNITS

_CENT: Final = Decimal("0.01")


def item_sets(count: int) -> Sets:
    yield "items", map(_item, items(count))
    yield "itemVariants", (row for one in items(count) for row in _variants(one))
    yield "$itemUnitsOfMeasure", (row for one in items(count) for row in _units(one))
    yield "$itemLedgerEntries", (_ledger_entry(entry, one) for one in items(count) for entry in posted(one))
    yield "$purchaseLines", (_purchase_line(line, one) for one in items(count) for line in purchase_lines(one))
    yield "$transferLines", (_transfer_line(line, one) for one in items(count) for line in transfer_lines(one))


def _item(item: Item) -> Row:
    return {
        "id": item.id,
        "number": item.number,
        "displayName": item.name,
        "type": item.type,
        "itemCategoryId": bc_id("item-category", item.category),
        "itemCategoryCode": item.category,
        "unitPrice": item.price,
        "unitCost": item.cost,
        "baseUnitOfMeasureId": bc_id("unit", item.unit),
        "baseUnitOfMeasureCode": item.unit,
        "lastModifiedDateTime": bc_instant(item.modified_at),
        **given({"inventory": inventory(posted(item)), "blocked": item.blocked, "gtin": item.gtin}),
    }


def _variants(item: Item) -> Iterator[Row]:
    for variant in item.variants:
        yield {
            "id": item.variant_id(variant.code),
            "itemId": item.id,
            "itemNumber": item.number,
            "code": variant.code,
            "description": variant.description,
            "lastModifiedDateTime": bc_instant(item.synchronized_at),
        }


def _units(item: Item) -> Iterator[Row]:
    """The base unit of an item and its further units."""
    for code, factor in {item.unit: Decimal(1), **ITEM_UNITS.get(item.number, {})}.items():
        row_id = bc_id("item-unit", f"{item.number}:{code}")
        yield {"id": row_id, "itemNo": item.number, "code": code, "qtyPerUnitOfMeasure": factor}


def _ledger_entry(entry: StockEntry, item: Item) -> Row:
    movement = entry.movement
    sold = movement.type == SALE
    return {
        "entryNo": entry.number,
        "entryType": movement.type,
        "itemNo": entry.item_number,
        "variantCode": movement.variant,
        "locationCode": movement.location,
        "postingDate": entry.posting_date.isoformat(),
        "quantity": movement.quantity,
        "remainingQuantity": entry.remaining,
        "open": entry.open,
        "positive": movement.quantity > 0,
        "documentNo": movement.document,
        "sourceNo": movement.source,
        "invoicedQuantity": movement.quantity,
        "unitOfMeasureCode": item.unit,
        "costAmountActual": (movement.quantity * item.cost).quantize(_CENT),
        "salesAmountActual": (-movement.quantity * item.price).quantize(_CENT) if sold else _CENT * 0,
    }


def _purchase_line(line: PurchaseLine, item: Item) -> Row:
    return {
        "id": bc_id("purchase-line", f"{line.document}:10000"),
        "documentNo": line.document,
        "lineNo": 10_000,
        "itemNo": line.item_number,
        "variantCode": line.variant,
        "locationCode": line.location,
        "outstandingQtyBase": line.quantity,
        "expectedReceiptDate": line.expected.isoformat(),
        "buyFromVendorNo": line.vendor,
        "unitOfMeasureCode": item.unit,
    }


def _transfer_line(line: TransferLine, item: Item) -> Row:
    return {
        "id": bc_id("transfer-line", f"{line.document}:10000"),
        "documentNo": line.document,
        "lineNo": 10_000,
        "itemNo": line.item_number,
        "transferFromCode": line.source,
        "transferToCode": line.target,
        "inTransitCode": line.through,
        "outstandingQtyBase": line.outstanding,
        "qtyInTransitBase": line.in_transit,
        "shipmentDate": line.shipped.isoformat(),
        "receiptDate": line.received.isoformat(),
        "unitOfMeasureCode": item.unit,
    }
