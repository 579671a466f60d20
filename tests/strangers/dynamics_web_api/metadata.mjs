import { connect } from "./client.mjs";

const api = connect();

export const entities = async (request) => (await api.retrieveEntities(request)).value;

export const entity = (request) => api.retrieveEntity(request);

export const attributes = async (request) => (await api.retrieveAttributes(request)).value;

export const attribute = (request) => api.retrieveAttribute(request);

// Logical names where the address has set names: the client looks them up first.
export const rowsByEntityName = async () =>
    (await connect({ useEntityNames: true }).retrieveMultiple({ collection: "account", select: ["name"], top: 2 })).value;

export const csdl = (request) => api.retrieveCsdlMetadata(request);
