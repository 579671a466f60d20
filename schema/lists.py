"""What each list may be filtered and ordered by: one input and one enum a type."""

from enum import Enum

import strawberry

from gateway.reading.paging import Sort
from schema.inputs import DateTimeFilter, DecimalFilter, Direction, TextFilter, on
from schema.types.account import AccountState
from schema.types.customer import CustomerBlocked
from schema.types.item import ItemType
from schema.types.opportunity import OpportunityState
from schema.types.product import ProductState
from schema.types.vendor import VendorBlocked


@strawberry.input(description="Which customers; all conditions have to hold.")
class CustomerFilter:
    number: TextFilter | None = on("number", "Customer number.")
    display_name: TextFilter | None = on("displayName", "Name.")
    city: TextFilter | None = on("city", "City.")
    postal_code: TextFilter | None = on("postalCode", "Postal code.")
    country: TextFilter | None = on("country", "Country or region code.")
    email: TextFilter | None = on("email", "E-mail address.")
    phone_number: TextFilter | None = on("phoneNumber", "Telephone number.")
    salesperson_code: TextFilter | None = on("salespersonCode", "Code of the salesperson.")
    blocked: CustomerBlocked | None = on(
        "blocked",
        "What it is blocked for.",
        wire={
            CustomerBlocked.NONE: "_x0020_",
            CustomerBlocked.SHIP: "Ship",
            CustomerBlocked.INVOICE: "Invoice",
            CustomerBlocked.ALL: "All",
        },
    )
    balance_due: DecimalFilter | None = on("balanceDue", "What it owes, in local currency.")
    credit_limit: DecimalFilter | None = on("creditLimit", "Credit limit, in local currency.")
    last_modified_at: DateTimeFilter | None = on("lastModifiedDateTime", "Last change in Business Central.")


@strawberry.enum(description="What customers are ordered by.")
class CustomerOrderField(Enum):
    NUMBER = strawberry.enum_value(Sort("number", "text"), description="Customer number.")
    DISPLAY_NAME = strawberry.enum_value(Sort("displayName", "text"), description="Name.")
    CITY = strawberry.enum_value(Sort("city", "text"), description="City.")
    BALANCE_DUE = strawberry.enum_value(Sort("balanceDue", "number"), description="What it owes.")
    CREDIT_LIMIT = strawberry.enum_value(Sort("creditLimit", "number"), description="Credit limit.")
    LAST_MODIFIED_AT = strawberry.enum_value(Sort("lastModifiedDateTime", "instant"), description="Last change.")


@strawberry.input(description="How customers are ordered.")
class CustomerOrder:
    field: CustomerOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which vendors; all conditions have to hold.")
class VendorFilter:
    number: TextFilter | None = on("number", "Vendor number.")
    display_name: TextFilter | None = on("displayName", "Name.")
    city: TextFilter | None = on("city", "City.")
    postal_code: TextFilter | None = on("postalCode", "Postal code.")
    country: TextFilter | None = on("country", "Country or region code.")
    email: TextFilter | None = on("email", "E-mail address.")
    phone_number: TextFilter | None = on("phoneNumber", "Telephone number.")
    blocked: VendorBlocked | None = on(
        "blocked",
        "What it is blocked for.",
        wire={VendorBlocked.NONE: "_x0020_", VendorBlocked.PAYMENT: "Payment", VendorBlocked.ALL: "All"},
    )
    last_modified_at: DateTimeFilter | None = on("lastModifiedDateTime", "Last change in Business Central.")


@strawberry.enum(description="What vendors are ordered by.")
class VendorOrderField(Enum):
    NUMBER = strawberry.enum_value(Sort("number", "text"), description="Vendor number.")
    DISPLAY_NAME = strawberry.enum_value(Sort("displayName", "text"), description="Name.")
    CITY = strawberry.enum_value(Sort("city", "text"), description="City.")
    LAST_MODIFIED_AT = strawberry.enum_value(Sort("lastModifiedDateTime", "instant"), description="Last change.")


@strawberry.input(description="How vendors are ordered.")
class VendorOrder:
    field: VendorOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which items; all conditions have to hold.")
class ItemFilter:
    number: TextFilter | None = on("number", "Item number.")
    display_name: TextFilter | None = on("displayName", "Description.")
    gtin: TextFilter | None = on("gtin", "Global trade item number.")
    item_category_code: TextFilter | None = on("itemCategoryCode", "Item category.")
    base_unit_of_measure_code: TextFilter | None = on("baseUnitOfMeasureCode", "Base unit.")
    type: ItemType | None = on(
        "type",
        "Inventory, service or non-inventory.",
        wire={
            ItemType.INVENTORY: "Inventory",
            ItemType.SERVICE: "Service",
            ItemType.NON_INVENTORY: "Non_x002D_Inventory",
        },
    )
    blocked: bool | None = on("blocked", "Whether it is blocked.")
    unit_price: DecimalFilter | None = on("unitPrice", "List price, in local currency.")
    last_modified_at: DateTimeFilter | None = on("lastModifiedDateTime", "Last change in Business Central.")


@strawberry.enum(description="What items are ordered by.")
class ItemOrderField(Enum):
    NUMBER = strawberry.enum_value(Sort("number", "text"), description="Item number.")
    DISPLAY_NAME = strawberry.enum_value(Sort("displayName", "text"), description="Description.")
    UNIT_PRICE = strawberry.enum_value(Sort("unitPrice", "number"), description="List price.")
    LAST_MODIFIED_AT = strawberry.enum_value(Sort("lastModifiedDateTime", "instant"), description="Last change.")


@strawberry.input(description="How items are ordered.")
class ItemOrder:
    field: ItemOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which salespersons; all conditions have to hold.")
class SalespersonFilter:
    code: TextFilter | None = on("code", "Salesperson code.")
    display_name: TextFilter | None = on("displayName", "Name.")
    email: TextFilter | None = on("email", "E-mail address.")
    blocked: bool | None = on("blocked", "Whether it is blocked.")


@strawberry.enum(description="What salespersons are ordered by.")
class SalespersonOrderField(Enum):
    CODE = strawberry.enum_value(Sort("code", "text"), description="Salesperson code.")
    DISPLAY_NAME = strawberry.enum_value(Sort("displayName", "text"), description="Name.")


@strawberry.input(description="How salespersons are ordered.")
class SalespersonOrder:
    field: SalespersonOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which accounts; all conditions have to hold.")
class AccountFilter:
    name: TextFilter | None = on("name", "Name.")
    account_number: TextFilter | None = on("accountnumber", "Account number.")
    city: TextFilter | None = on("address1_city", "City.")
    email: TextFilter | None = on("emailaddress1", "E-mail address.")
    state_code: AccountState | None = on(
        "statecode", "Active or inactive.", wire={AccountState.ACTIVE: 0, AccountState.INACTIVE: 1}
    )
    modified_at: DateTimeFilter | None = on("modifiedon", "Last change in CRM.")


@strawberry.enum(description="What accounts are ordered by.")
class AccountOrderField(Enum):
    NAME = strawberry.enum_value(Sort("name", "text"), description="Name.")
    ACCOUNT_NUMBER = strawberry.enum_value(Sort("accountnumber", "text"), description="Account number.")
    MODIFIED_AT = strawberry.enum_value(Sort("modifiedon", "instant"), description="Last change.")


@strawberry.input(description="How accounts are ordered.")
class AccountOrder:
    field: AccountOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which products; all conditions have to hold.")
class ProductFilter:
    name: TextFilter | None = on("name", "Name.")
    product_number: TextFilter | None = on("productnumber", "Product number.")
    state_code: ProductState | None = on(
        "statecode",
        "Active, retired, draft or under revision.",
        wire={
            ProductState.ACTIVE: 0,
            ProductState.RETIRED: 1,
            ProductState.DRAFT: 2,
            ProductState.UNDER_REVISION: 3,
        },
    )
    modified_at: DateTimeFilter | None = on("modifiedon", "Last change in CRM.")


@strawberry.enum(description="What products are ordered by.")
class ProductOrderField(Enum):
    PRODUCT_NUMBER = strawberry.enum_value(Sort("productnumber", "text"), description="Product number.")
    NAME = strawberry.enum_value(Sort("name", "text"), description="Name.")
    MODIFIED_AT = strawberry.enum_value(Sort("modifiedon", "instant"), description="Last change.")


@strawberry.input(description="How products are ordered.")
class ProductOrder:
    field: ProductOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which users; all conditions have to hold.")
class SystemUserFilter:
    full_name: TextFilter | None = on("fullname", "Full name.")
    email: TextFilter | None = on("internalemailaddress", "Primary e-mail address.")
    is_disabled: bool | None = on("isdisabled", "Whether the user may no longer sign in.")


@strawberry.enum(description="What users are ordered by.")
class SystemUserOrderField(Enum):
    FULL_NAME = strawberry.enum_value(Sort("fullname", "text"), description="Full name.")
    EMAIL = strawberry.enum_value(Sort("internalemailaddress", "text"), description="Primary e-mail address.")


@strawberry.input(description="How users are ordered.")
class SystemUserOrder:
    field: SystemUserOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")


@strawberry.input(description="Which opportunities; all conditions have to hold.")
class OpportunityFilter:
    name: TextFilter | None = on("name", "Topic.")
    state_code: OpportunityState | None = on(
        "statecode",
        "Open, won or lost.",
        wire={OpportunityState.OPEN: 0, OpportunityState.WON: 1, OpportunityState.LOST: 2},
    )
    estimated_value: DecimalFilter | None = on("estimatedvalue", "Estimated revenue, in its own currency.")


@strawberry.enum(description="What opportunities are ordered by.")
class OpportunityOrderField(Enum):
    NAME = strawberry.enum_value(Sort("name", "text"), description="Topic.")
    ESTIMATED_VALUE = strawberry.enum_value(Sort("estimatedvalue", "number"), description="Estimated revenue.")
    ESTIMATED_CLOSE_DATE = strawberry.enum_value(Sort("estimatedclosedate", "date"), description="Expected close.")


@strawberry.input(description="How opportunities are ordered.")
class OpportunityOrder:
    field: OpportunityOrderField = strawberry.field(description="Ordered by.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Up or down.")
