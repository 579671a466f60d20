import { shown } from "../shown.mjs";
import { connect } from "./client.mjs";

const api = connect();
const NOBODY = "00000000-0000-4000-8000-000000000000";

const create = (name, more = {}) => api.create({ collection: "accounts", data: { name }, ...more });

const count = (name) => api.count({ collection: "accounts", filter: `name eq '${name}'` });

const outcomes = (answers) => answers.map((answer) => (answer instanceof Error ? shown(answer) : answer));

// Reads and writes of every kind in one batch; answers come in the order of the calls. (The client loses count of its
// own requests behind a change set of several, so what it has to interpret stands before.)
export const mixed = async ({ key }) => {
    api.startBatch();
    api.retrieve({ collection: "accounts", key, select: ["name"] });
    api.count({ collection: "accounts", filter: `accountid eq ${key}` });
    create("Batch made");
    api.update({ collection: "accounts", key, data: { telephone1: "batched" } });
    api.retrieve({ collection: "accounts", key, select: ["telephone1"] });
    return api.executeBatch();
};

// Two rows in one change set; the second refers to the first by its Content-ID.
export const linked = async () => {
    api.startBatch();
    api.create({ collection: "contacts", data: { lastname: "Linked" }, contentId: "1" });
    create("Batch linked", { data: { name: "Batch linked", "primarycontactid@odata.bind": "$1" } });
    const [contact, account] = await api.executeBatch();
    const row = await api.retrieve({ collection: "accounts", key: account, select: ["_primarycontactid_value"] });
    return { contact, primary: row._primarycontactid_value };
};

// One change set whose second request fails.
export const undone = async ({ name }) => {
    api.startBatch();
    create(name);
    api.update({ collection: "accounts", key: NOBODY, data: { name } });
    const answers = await api.executeBatch().catch((errors) => errors);
    return { answers: outcomes(answers), left: await count(name) };
};

// Three requests on their own, of which the second fails.
export const failing = async ({ name, continueOnError }) => {
    api.startBatch();
    create(name, { inChangeSet: false });
    api.retrieve({ collection: "accounts", key: NOBODY });
    create(name, { inChangeSet: false });
    const answers = await api.executeBatch({ continueOnError }).catch((errors) => errors);
    return { answers: outcomes(answers), made: await count(name) };
};
