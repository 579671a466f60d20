import { connect } from "./client.mjs";

const api = connect();

export const whoAmI = ({ impersonate }) => connect({ impersonate }).callFunction("WhoAmI");

export const version = () => api.callFunction("RetrieveVersion");

export const row = (request) => api.retrieve(request);

export const rows = async (request) => (await api.retrieveMultiple(request)).value;

export const count = (request) => api.count(request);

export const countAll = (request) => api.countAll(request);

export const callFunction = (request) => api.callFunction(request);

// The client sends a query of more than 2,000 characters as a batch of one.
export const rowsByNumber = async ({ numbers }) => {
    const filter = numbers.map((number) => `accountnumber eq '${number}'`).join(" or ");
    return (await api.retrieveMultiple({ collection: "accounts", select: ["accountnumber"], filter })).value;
};
