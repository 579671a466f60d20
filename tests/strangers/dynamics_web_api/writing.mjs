import { connect } from "./client.mjs";

const api = connect();

export const create = (request) => api.create(request);

export const update = (request) => api.update(request);

export const updateSingleProperty = (request) => api.updateSingleProperty(request);

export const upsert = (request) => api.upsert(request);

export const remove = (request) => api.deleteRecord(request);

export const callAction = ({ config, ...request }) => connect(config).callAction(request);

// Reads a row, lets somebody else change it, and writes with the ETag of the first reading, then with a fresh one.
export const updateWithETag = async ({ key }) => {
    const read = () => api.retrieve({ collection: "accounts", key, select: ["telephone1"] });
    const write = (telephone1, row) =>
        api.update({ collection: "accounts", key, data: { telephone1 }, ifmatch: row["@odata.etag"] });
    const mine = await read();
    await api.update({ collection: "accounts", key, data: { telephone1: "theirs" } });
    const stale = await write("mine", mine);
    const fresh = await write("mine again", await read());
    return { stale, fresh, telephone1: (await read()).telephone1 };
};

export const unchanged = async ({ key }) => {
    const row = await api.retrieve({ collection: "accounts", key, select: ["name"] });
    return api.retrieve({ collection: "accounts", key, select: ["name"], ifnonematch: row["@odata.etag"] });
};

const contacts = async (key) => {
    const expand = [{ property: "contact_customer_accounts", select: ["lastname"] }];
    const row = await api.retrieve({ collection: "accounts", key, select: ["name"], expand });
    return row.contact_customer_accounts.map((contact) => contact.contactid);
};

// The contacts of an account before, between and after associating and disassociating one.
export const associate = async ({ account, contact }) => {
    const link = { collection: "accounts", primaryKey: account, relationshipName: "contact_customer_accounts" };
    const before = await contacts(account);
    await api.associate({ ...link, relatedCollection: "contacts", relatedKey: contact });
    const associated = await contacts(account);
    await api.disassociate({ ...link, relatedKey: contact });
    return { before, associated, after: await contacts(account) };
};

// The same for a single-valued navigation property.
export const associateSingleValued = async ({ account, contact }) => {
    const link = { collection: "accounts", primaryKey: account, navigationProperty: "primarycontactid" };
    const select = ["_primarycontactid_value"];
    const read = async () =>
        (await api.retrieve({ collection: "accounts", key: account, select }))._primarycontactid_value;
    await api.associateSingleValued({ ...link, relatedCollection: "contacts", relatedKey: contact });
    const associated = await read();
    await api.disassociateSingleValued(link);
    return { associated, after: await read() };
};
