// The server audits of graphql-http, each with its id, its claim ("MUST …") and what was wrong with it, if anything was.
import { serverAudits } from "graphql-http";

const { GATEWAY_URL: url, GATEWAY_TOKEN: token } = process.env;

const signedIn = (address, { headers, ...rest } = {}) =>
    fetch(address, { ...rest, headers: { ...headers, authorization: `Bearer ${token}` } });

export const server = () =>
    Promise.all(
        serverAudits({ url, fetchFn: signedIn }).map(async (audit) => {
            const { status, reason } = await audit.fn();
            return { id: audit.id, claim: audit.name, status, reason: reason ?? null };
        }),
    );
