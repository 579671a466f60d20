// The client, set up as its documentation says for Node.js: the server's address and a token.
import { DynamicsWebApi } from "dynamics-web-api";

export const connect = (config = {}) =>
    new DynamicsWebApi({
        serverUrl: process.env.DATAVERSE_URL,
        onTokenRefresh: async () => process.env.DATAVERSE_TOKEN,
        ...config,
    });
