import { connect } from "./client.mjs";

const api = connect();

// Page after page by the link of the page before: how many rows each page had, and the ids of all.
export const pages = async (request) => {
    const sizes = [];
    const ids = [];
    let page = await api.retrieveMultiple(request);
    const counted = page.oDataCount;
    for (;;) {
        sizes.push(page.value.length);
        ids.push(...page.value.map((row) => row.accountid));
        if (!page.oDataNextLink) return { sizes, ids, counted };
        page = await api.retrieveMultiple(request, page.oDataNextLink);
    }
};

export const everything = async ({ maxPageSize, ...request }) =>
    (await connect({ maxPageSize }).retrieveAll(request)).value;

export const fetchPages = async ({ collection, fetchXml }) => {
    const pages = [];
    let next = {};
    do {
        const page = await api.fetch({ collection, fetchXml, includeAnnotations: "*", ...next });
        pages.push(page.value);
        next = page.PagingInfo && { pageNumber: page.PagingInfo.nextPage, pagingCookie: page.PagingInfo.cookie };
    } while (next);
    return pages;
};

export const fetchAll = async (request) => (await api.fetchAll({ ...request, includeAnnotations: "*" })).value;

// All rows and a delta link; then one row made, one changed and one deleted; then what the delta link tells.
export const changes = async () => {
    const request = { collection: "accounts", select: ["name"], trackChanges: true };
    const create = (name) => api.create({ collection: "accounts", data: { name } });
    const [changed, gone] = [await create("Delta before"), await create("Delta gone")];
    const before = await api.retrieveAll(request);
    const made = await create("Delta made");
    await api.update({ collection: "accounts", key: changed, data: { name: "Delta after" } });
    await api.deleteRecord({ collection: "accounts", key: gone });
    const delta = await api.retrieveMultiple(request, before.oDataDeltaLink);
    return { made, changed, gone, delta: delta.value, nextDeltaLink: delta.oDataDeltaLink };
};
