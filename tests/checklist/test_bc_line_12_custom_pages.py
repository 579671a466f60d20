"""Business Central, line 12: custom pages under a publisher, group and version of their own, which show availability by
location and couplings, and which a tenant may not have."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal

import httpx
import pytest

from gateway.sandbox.app import Sandbox
from gateway.sandbox.company import story
from tests.checklist.answers import Row, first, refusal, row, rows

pytestmark = pytest.mark.anyio

ITEM, ORDER, CUSTOMER = story.IN_STOCK, "S-ORD101001", story.HARBOUR
FIGURES = ("inventory", "quantityOnSalesOrder", "quantityOnPurchaseOrder", "quantityInTransit", "reservedQuantity")


def total(found: Iterable[Row], figure: str) -> Decimal:
    return sum((Decimal(str(one[figure])) for one in found), Decimal(0))


async def at(availability: httpx.AsyncClient, item: str, location: str, variant: str = "") -> Row:
    where = f"itemNumber eq '{item}' and locationCode eq '{location}' and variantCode eq '{variant}'"
    (found,) = rows(await availability.get("itemAvailabilities", params={"$filter": where}))
    return found


async def test_the_stock_of_all_places_is_the_inventory_of_the_item(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    stock: dict[str, Decimal] = defaultdict(Decimal)
    for found in rows(await availability.get("itemAvailabilities")):
        stock[found["itemNumber"]] += Decimal(str(found["inventory"]))
    items = rows(await business_central.get("items?$select=number,inventory"))
    assert len(items) == 300
    assert {item["number"]: item["inventory"] for item in items} == {
        item["number"]: stock[item["number"]] for item in items
    }


async def test_there_is_one_row_for_item_variant_and_location(availability: httpx.AsyncClient) -> None:
    found = rows(await availability.get(f"itemAvailabilities?$filter=itemNumber eq '{story.WITH_VARIANTS}'"))
    places = [(one["variantCode"], one["locationCode"]) for one in found]
    assert len(places) == len(set(places)) == 5 * 4
    stock = {(one["variantCode"], one["locationCode"]): one["inventory"] for one in found if one["inventory"]}
    assert stock == {("S", "MAIN"): 30, ("M", "MAIN"): 45, ("XL", "EAST"): 6}


async def test_the_figures_of_the_story_are_there(availability: httpx.AsyncClient) -> None:
    found = await at(availability, ITEM, "MAIN")
    assert [found[name] for name in FIGURES] == [102, 7, 50, 0, 2]
    assert (found["availableInventory"], found["projectedAvailableBalance"]) == (100, 145)
    coming = await at(availability, story.IN_TRANSIT, "EAST")
    assert (coming["quantityInTransit"], coming["quantityOnTransferReceipt"]) == (40, 20)
    assert (await at(availability, story.IN_TRANSIT, "MAIN"))["quantityOnTransferShipment"] == 20
    short = await at(availability, story.SHORT, "MAIN")
    assert (short["inventory"], short["quantityOnSalesOrder"], short["reservedQuantity"]) == (20, 35, 15)


async def test_a_row_has_an_id_and_an_etag_and_cannot_be_written(availability: httpx.AsyncClient) -> None:
    found = await at(availability, ITEM, "MAIN")
    answer = await availability.get(f"itemAvailabilities({found['id']})")
    assert row(answer).items() >= found.items()
    assert answer.headers["etag"] == found["@odata.etag"]
    for method in ("PATCH", "DELETE"):
        written = await availability.request(
            method, f"itemAvailabilities({found['id']})", json={"inventory": 1}, headers={"If-Match": "*"}
        )
        assert refusal(written) == (405, "BadRequest_MethodNotAllowed")
    assert refusal(await availability.post("itemAvailabilities", json={})) == (405, "BadRequest_MethodNotAllowed")


async def test_an_order_moves_the_figures_when_it_comes_changes_and_goes(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    async def on_order(location: str = "MAIN", variant: str = "") -> object:
        return (await at(availability, story.WITH_VARIANTS, location, variant))["quantityOnSalesOrder"]

    item = await first(business_central, f"items?$filter=number eq '{story.WITH_VARIANTS}'&$expand=itemVariants")
    variant = next(one["id"] for one in item["itemVariants"] if one["code"] == "M")
    places = {one["code"]: one["id"] for one in rows(await business_central.get("locations"))}
    before = await on_order(variant="M")
    line = {"itemId": item["id"], "quantity": 4, "itemVariantId": variant, "locationId": places["MAIN"]}
    body = {"customerNumber": CUSTOMER, "salesOrderLines": [line]}
    order = row(await business_central.post("salesOrders?$expand=salesOrderLines", json=body), 201)
    assert await on_order(variant="M") == before + 4  # type: ignore[operator]
    address = f"salesOrderLines({order['salesOrderLines'][0]['id']})"
    await business_central.patch(address, json={"quantity": 9}, headers={"If-Match": "*"})
    assert await on_order(variant="M") == before + 9  # type: ignore[operator]
    moved = {"locationId": places["EAST"]}
    await business_central.patch(address, json=moved, headers={"If-Match": "*"})
    assert (await on_order(variant="M"), await on_order("EAST", "M")) == (before, 9)
    await business_central.delete(f"salesOrders({order['id']})")
    assert (await on_order(variant="M"), await on_order("EAST", "M")) == (before, 0)


async def test_what_is_reserved_is_given_up_with_its_line(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    order = await first(business_central, f"salesOrders?$filter=number eq '{ORDER}'")
    assert (await at(availability, ITEM, "MAIN"))["reservedQuantity"] == 2
    assert (await business_central.delete(f"salesOrders({order['id']})")).status_code == 204
    found = await at(availability, ITEM, "MAIN")
    assert (found["reservedQuantity"], found["availableInventory"], found["quantityOnSalesOrder"]) == (0, 102, 5)


async def test_rows_are_filtered_by_any_figure(availability: httpx.AsyncClient) -> None:
    reserved = rows(await availability.get("itemAvailabilities?$filter=reservedQuantity gt 0&$select=itemNumber"))
    assert [found["itemNumber"] for found in reserved] == [ITEM, story.SHORT]
    least = await first(availability, "itemAvailabilities?$orderby=inventory&$top=1")
    assert (least["itemNumber"], least["inventory"]) == (story.NEGATIVE_STOCK, -4)


async def test_couplings_have_the_shape_of_the_integration_record(
    sandbox: Sandbox, business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    found = rows(await availability.get("couplings"))
    assert found[0].keys() >= {
        *("id", "integrationId", "crmId", "tableId", "lastSynchModifiedOn", "lastSynchCrmModifiedOn"),
        *("lastSynchResult", "lastSynchCrmResult", "skipped"),
    }
    pairs = {(one["integrationId"], one["crmId"]) for one in found}
    assert pairs == {(one.bc_id, one.crm_id) for one in sandbox.company.couplings() if one.option is None}
    tables = Counter(one["tableId"] for one in found)
    assert tables[18] == len([one for one in sandbox.company.couplings() if one.mapping == "CUSTOMER"])
    skipped = await first(business_central, f"customers?$filter=number eq '{story.SKIPPED}'")
    (coupling,) = rows(await availability.get(f"couplings?$filter=integrationId eq {skipped['id']}"))
    assert (coupling["skipped"], coupling["lastSynchCrmResult"]) == (True, "Failure")


async def test_a_coupling_is_created_changed_and_removed(
    business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    customer = await first(business_central, f"customers?$filter=number eq '{story.UNCOUPLED}'")
    body = {"integrationId": customer["id"], "crmId": "3f0c0000-0000-4000-8000-000000000001", "tableId": 18}
    created = row(await availability.post("couplings", json=body), 201)
    assert (created["skipped"], created["lastSynchResult"]) == (False, "_x0020_")
    again = await availability.post("couplings", json=body)
    assert refusal(again) == (400, "Internal_EntityWithSameKeyExists")
    address = f"couplings({created['id']})"
    headers = {"If-Match": created["@odata.etag"]}
    assert row(await availability.patch(address, json={"skipped": True}, headers=headers))["skipped"] is True
    assert (await availability.delete(address)).status_code == 204
    assert refusal(await availability.post("couplings", json={"tableId": 18}))[0] == 400


async def test_a_tenant_without_the_extension_does_not_know_the_api(
    sandbox: Sandbox, business_central: httpx.AsyncClient, availability: httpx.AsyncClient
) -> None:
    root = str(availability.base_url).partition("companies")[0]
    sandbox.features.custom_pages = False
    for address in ("itemAvailabilities", "couplings", root, f"{root}$metadata", f"{root}companies"):
        assert refusal(await availability.get(address)) == (404, "BadRequest_ResourceNotFound")
    assert refusal(await availability.post(f"{root}$batch", json={"requests": []}))[0] == 404
    assert rows(await business_central.get("items?$top=1"))
    sandbox.features.custom_pages = True
    assert rows(await availability.get("couplings?$top=1"))
