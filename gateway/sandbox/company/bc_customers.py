"""Rows of Business Central about customers: cards, financial details, contacts and the customer ledger."""

from collections.abc import Iterator

from gateway.sandbox.company.chance import Draw
from gateway.sandbox.company.contacts import Contact, company_contact_number, contacts
from gateway.sandbox.company.customers import Customer, customers
from gateway.sandbox.company.identifiers import CURRENCY_CODE, bc_id, bc_instant
from gateway.sandbox.company.ledger import Application, Entry, figures, ledger
from gateway.sandbox.company.rows import Row, Sets, given


def customer_sets(part: range) -> Sets:
    yield "customers", map(_customer, customers(part))
    yield "customerFinancialDetails", map(_financial_detail, customers(part))
    yield "contacts", (row for one in customers(part) for row in _contacts(one))
    yield "$contactBusinessRelations", map(_relation, customers(part))
    yield "$customerLedgerEntries", (_ledger_entry(entry, one) for one in customers(part) for entry in ledger(one))


def address(customer: Customer) -> Row:
    return {
        "addressLine1": customer.street,
        "city": customer.place.city,
        "country": customer.place.country,
        "postalCode": customer.postal_code,
    }


def _customer(customer: Customer) -> Row:
    return {
        "id": customer.id,
        "number": customer.number,
        "displayName": customer.name,
        "type": "Company",
        **address(customer),
        "phoneNumber": customer.phone,
        "email": customer.email,
        "website": customer.website,
        "balanceDue": figures(ledger(customer)).balance,
        "creditLimit": customer.credit_limit,
        "taxRegistrationNumber": customer.tax_number,
        "currencyCode": customer.currency or CURRENCY_CODE,
        "paymentTermsId": bc_id("payment-terms", customer.terms),
        "paymentMethodId": bc_id("payment-method", customer.method),
        "shipmentMethodId": bc_id("shipment-method", customer.shipment),
        "blocked": customer.blocked,
        "lastModifiedDateTime": bc_instant(customer.modified_at),
        **given(
            {
                "salespersonCode": customer.salesperson,
                "taxLiable": customer.place.country == "NL",
                "currencyId": customer.currency and bc_id("currency", customer.currency),
            }
        ),
    }


def _financial_detail(customer: Customer) -> Row:
    owed = figures(ledger(customer))
    return {
        "id": customer.id,
        "number": customer.number,
        "balance": owed.balance,
        "totalSalesExcludingTax": owed.sales,
        "overdueAmount": owed.overdue,
        "lastModifiedDateTime": bc_instant(customer.modified_at),
    }


def _contacts(customer: Customer) -> Iterator[Row]:
    number = company_contact_number(customer)
    company = {
        "companyNumber": number,
        "companyName": customer.name,
        "contactBusinessRelation": "Customer",
        **address(customer),
        "website": customer.website,
    }
    yield {
        "id": bc_id("contact", number),
        "number": number,
        "type": "Company",
        "displayName": customer.name,
        "searchName": customer.name.upper(),
        "phoneNumber": customer.phone,
        "email": customer.email,
        **company,
        "taxRegistrationNumber": customer.tax_number,
        "lastModifiedDateTime": bc_instant(customer.synchronized_at),
    }
    for contact in contacts(customer):
        yield {**person(contact), **company}


def _relation(customer: Customer) -> Row:
    """Which customer a company is."""
    number = company_contact_number(customer)
    return {
        "id": bc_id("contact-business-relation", number),
        "contactNo": number,
        "linkToTable": "Customer",
        "no": customer.number,
    }


def person(contact: Contact) -> Row:
    draw = Draw("mobile", contact.number)
    return {
        "id": contact.id,
        "number": contact.number,
        "type": "Person",
        "displayName": contact.name,
        "searchName": contact.name.upper(),
        "jobTitle": contact.job_title,
        "phoneNumber": contact.phone,
        "mobilePhoneNumber": f"+31 6 555 {draw.below(100_000):05d}",
        "email": contact.email,
        "lastModifiedDateTime": bc_instant(contact.modified_at),
    }


def _ledger_entry(entry: Entry, customer: Customer) -> Row:
    return {
        "entryNo": entry.number,
        "customerNo": entry.customer_number,
        "postingDate": entry.posting_date.isoformat(),
        "dueDate": entry.due_date.isoformat(),
        "documentType": entry.document_type,
        "documentNo": entry.document_number,
        "currencyCode": entry.currency,
        "amount": entry.amount,
        "remainingAmount": entry.remaining,
        "open": entry.open,
        "amountLCY": entry.amount_lcy,
        "remainingAmountLCY": entry.remaining_lcy,
        "salesLCY": entry.sales_lcy,
        "profitLCY": entry.profit_lcy,
        "positive": entry.amount > 0,
        "salespersonCode": customer.salesperson,
        "description": f"{entry.document_type.replace('_x0020_', ' ')} {entry.document_number}",
        **(_application(entry.applied) if entry.applied else {}),
    }


def _application(applied: Application) -> Row:
    return {
        "appliedDate": applied.on.isoformat(),
        "appliedDocumentType": applied.document_type,
        "appliedDocumentNo": applied.document_number,
        "appliedEntryNo": applied.number,
    }
