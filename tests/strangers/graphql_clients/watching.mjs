// Two clients of GraphQL subscriptions watch a run; each gives back what it was told, once it is complete.
import { createClient as overSocket } from "graphql-ws";
import { createClient as overStream } from "graphql-sse";
import WebSocket from "ws";

const { GATEWAY_URL: url, GATEWAY_TOKEN: token } = process.env;
const headers = { Authorization: `Bearer ${token}` };

const collect = async (results) => {
    const told = [];
    for await (const result of results) told.push(result);
    return told;
};

export const socket = async ({ query, variables, connectionParams = headers }) => {
    const client = overSocket({ url: url.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams, retryAttempts: 0 });
    const told = await collect(client.iterate({ query, variables }));
    await client.dispose();
    return told;
};

export const stream = async ({ query, variables, withHeaders = headers }) => {
    const client = overStream({ url: `${url}/stream`, headers: withHeaders, retryAttempts: 0 });
    return collect(client.iterate({ query, variables }));
};
