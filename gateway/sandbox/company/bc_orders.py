"""Rows of Business Central about sales orders and their lines."""

from datetime import datetime, time

from gateway.sandbox.company.codes import MAIN
from gateway.sandbox.company.commitments import prepayment
from gateway.sandbox.company.customers import Customer
from gateway.sandbox.company.identifiers import CURRENCY_CODE, bc_id, bc_instant
from gateway.sandbox.company.items import INVENTORY
from gateway.sandbox.company.orders import Order, OrderLine, orders
from gateway.sandbox.company.rows import Row, Sets, given
from gateway.sandbox.company.story import STORY_TIME


def order_sets(part: range) -> Sets:
    yield "salesOrders", map(_order, orders(part))
    yield "salesOrderLines", (_line(order, line) for order in orders(part) for line in order.lines)


def ordered_at(order: Order) -> datetime:
    return datetime.combine(order.ordered, time(8, order.index % 60, 17), tzinfo=STORY_TIME.tzinfo)


def _order(order: Order) -> Row:
    buyer = order.customer
    return {
        "id": order.id,
        "number": order.number,
        "externalDocumentNumber": f"{buyer.number}/{order.index + 1}",
        "orderDate": order.ordered.isoformat(),
        "postingDate": order.ordered.isoformat(),
        **of_buyer(buyer),
        "partialShipping": True,
        "requestedDeliveryDate": order.requested.isoformat(),
        "totalAmountExcludingTax": order.amount,
        "totalTaxAmount": order.tax,
        "totalAmountIncludingTax": order.amount + order.tax,
        "status": "Open" if order.released else "Draft",
        "lastModifiedDateTime": bc_instant(ordered_at(order)),
        "phoneNumber": buyer.phone,
        "email": buyer.email,
        **given({"salesperson": buyer.salesperson, "currencyId": buyer.currency and bc_id("currency", buyer.currency)}),
    }


def of_buyer(buyer: Customer) -> Row:
    """What a document takes over from its customer, who buys, pays and receives at one place."""
    address = {
        "AddressLine1": buyer.street,
        "City": buyer.place.city,
        "Country": buyer.place.country,
        "PostCode": buyer.postal_code,
    }
    return {
        "customerId": buyer.id,
        "customerNumber": buyer.number,
        "customerName": buyer.name,
        "billToCustomerId": buyer.id,
        "billToCustomerNumber": buyer.number,
        "billToName": buyer.name,
        "shipToName": buyer.name,
        "currencyCode": buyer.currency or CURRENCY_CODE,
        "paymentTermsId": bc_id("payment-terms", buyer.terms),
        "shipmentMethodId": bc_id("shipment-method", buyer.shipment),
        **{f"{role}{name}": value for role in ("sellTo", "billTo", "shipTo") for name, value in address.items()},
    }


def _line(order: Order, line: OrderLine) -> Row:
    ware = line.item
    gross = line.amount + line.tax
    return {
        "id": order.line_id(line),
        "documentId": order.id,
        "sequence": line.sequence,
        "itemId": ware.id,
        "lineType": "Item",
        "lineObjectNumber": ware.number,
        "description": ware.name,
        "unitOfMeasureId": bc_id("unit", ware.unit),
        "unitOfMeasureCode": ware.unit,
        "quantity": line.quantity,
        "unitPrice": line.unit_price,
        "amountExcludingTax": line.amount,
        "taxCode": "VAT21" if line.tax_percent else "EU",
        "amountIncludingTax": gross,
        "netAmount": line.amount,
        "netAmountIncludingTax": gross,
        "shipmentDate": line.shipment_date.isoformat(),
        "shipQuantity": line.quantity - line.shipped,
        "invoiceQuantity": line.quantity,
        **given(
            {
                "discountAmount": line.discount,
                "discountPercent": line.discount_percent,
                "taxPercent": line.tax_percent,
                "totalTaxAmount": line.tax,
                "netTaxAmount": line.tax,
                "shippedQuantity": line.shipped,
                "itemVariantId": line.variant and ware.variant_id(line.variant),
                "locationId": bc_id("location", MAIN.code) if ware.type == INVENTORY else "",
                "prepaymentInvoiced": (prepaid := prepayment(order, line)),
                "prepaymentTaxInvoiced": prepaid * line.tax_percent / 100,
            }
        ),
    }
