"""Rows of Business Central about what is open beside sales orders: service lines, and lines of a sales return order."""

from collections.abc import Iterator
from datetime import timedelta

from gateway.sandbox.company import story
from gateway.sandbox.company.commitments import ITEM, RETURN_LINES, SERVICE_LINES
from gateway.sandbox.company.identifiers import bc_id
from gateway.sandbox.company.items import item, item_index
from gateway.sandbox.company.rows import Row, Sets, given


def commitment_sets() -> Sets:
    yield "$serviceLines", _service_lines()
    yield "$salesReturnLines", _return_lines()


def _service_lines() -> Iterator[Row]:
    for line in SERVICE_LINES:
        yield {
            "id": bc_id("service-line", f"{line.document}:{line.sequence}"),
            "documentType": line.document_type,
            "documentNo": line.document,
            "lineNo": line.sequence,
            "customerNo": line.customer,
            "billToCustomerNo": line.payer,
            "type": line.type,
            "itemNo": line.number,
            "locationCode": line.location,
            "outstandingQuantity": line.outstanding,
            "unitOfMeasureCode": item(item_index(line.number)).unit if line.type == ITEM else "HOUR",
            "neededByDate": line.needed.isoformat(),
            "outstandingAmountLCY": line.outstanding_amount,
            **given({"shippedNotInvoicedLCY": line.not_invoiced_amount, "shipmentNumber": line.shipment}),
        }


def _return_lines() -> Iterator[Row]:
    ordered = story.STORY_DATE - timedelta(days=4)
    for line in RETURN_LINES:
        yield {
            "id": bc_id("return-line", f"{story.RETURN_ORDER}:{line.sequence}"),
            "documentNo": story.RETURN_ORDER,
            "lineNo": line.sequence,
            "sellToCustomerNo": story.HARBOUR,
            "billToCustomerNo": story.HARBOUR,
            "salespersonCode": story.STORY_SALESPERSON,
            "orderDate": ordered.isoformat(),
            "type": ITEM,
            "itemNo": line.number,
            "description": line.description,
            "locationCode": line.location,
            "shipmentDate": (story.STORY_DATE + timedelta(days=7)).isoformat(),
            "quantity": line.quantity,
            "unitOfMeasureCode": line.unit,
            "amount": line.amount,
            "unitCostLCY": item(item_index(line.number)).cost,
            **given(
                {
                    "outstandingQuantity": line.outstanding,
                    "outstandingAmountLCY": line.outstanding_amount,
                    "returnReceivedNotInvoicedLCY": line.not_invoiced_amount,
                }
            ),
        }
