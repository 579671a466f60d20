// The demo page: GraphiQL, plus a bar that says on whose behalf it asks.
// The access token lives in a variable of this script and nowhere else; it is gone when the page is.
"use strict";

(() => {
  const RENEW_BEFORE_END_MS = 60_000;
  const element = (id) => document.getElementById(id);
  const status = element("status");

  let config; // what /graphiql/config.json says
  let person = null; // the chosen demo person, or null
  let token = null; // { text, endsAt } or null
  let attempt = 0; // grows with every change of who is asking, so that a late answer of an earlier choice is dropped

  const root = ReactDOM.createRoot(element("graphiql"));
  start().catch((error) => say(`The page could not start: ${error.message}`, { isWarning: true }));

  async function start() {
    config = await (await fetch("graphiql/config.json")).json();
    element("explain").disabled = false;
    if (config.people.length > 0) {
      offerPeople();
    } else {
      offerTokenField();
    }
    await changed();
  }

  // Who asks

  function offerPeople() {
    const select = element("person");
    for (const [index, one] of config.people.entries()) {
      select.add(new Option(one.label, String(index)));
    }
    select.add(new Option("(no token)", ""));
    select.addEventListener("change", () => {
      choose(select.value);
      changed();
    });
    element("person-field").hidden = false;
    choose(select.value);
  }

  function choose(index) {
    person = index === "" ? null : config.people[Number(index)];
    token = null;
  }

  function offerTokenField() {
    const field = element("token");
    field.addEventListener("change", () => {
      const text = field.value.trim().replace(/^Bearer\s+/i, "");
      token = text === "" ? null : { text, endsAt: endOf(text) };
      changed();
    });
    element("token-field").hidden = false;
  }

  // A new fetcher makes GraphiQL read the schema again, with the rights of whoever asks now.
  async function changed() {
    const mine = ++attempt;
    try {
      const current = await currentToken();
      if (mine !== attempt) return;
      sayWho(current);
    } catch (error) {
      if (mine !== attempt) return;
      say(error.message, { isWarning: true });
    }
    render();
  }

  function isWaitingForToken() {
    return config.people.length === 0 && token === null;
  }

  async function currentToken() {
    if (person === null) return token;
    if (token === null || Date.now() > token.endsAt - RENEW_BEFORE_END_MS) {
      const wanted = person;
      const fresh = await signIn(wanted);
      if (wanted !== person) return currentToken();
      token = fresh;
      sayWho(token);
    }
    return token;
  }

  async function signIn(who) {
    const form = new URLSearchParams({
      grant_type: "password",
      client_id: config.signIn.clientId,
      scope: config.signIn.scope,
      username: who.userName,
      password: who.password,
    });
    const answer = await fetch(config.signIn.tokenEndpoint, { method: "POST", body: form });
    const body = await answer.json().catch(() => ({}));
    if (!answer.ok) {
      throw new Error(`${who.label} could not sign in: ${body.error_description ?? `status ${answer.status}`}`);
    }
    return { text: body.access_token, endsAt: Date.now() + body.expires_in * 1000 };
  }

  // What the bar says

  function sayWho(current) {
    if (current === null) {
      say(isWaitingForToken() ? "Paste an access token for the gateway to begin." : "Requests carry no token.");
      return;
    }
    const claims = claimsOf(current.text);
    if (claims === null) {
      say("This does not look like an access token.", { isWarning: true });
      return;
    }
    const roles = (claims.roles ?? []).map((role) => role.split(".").pop().replace(/(?<=[a-z])(?=[A-Z])/g, " "));
    const isOver = current.endsAt <= Date.now();
    const end = new Date(current.endsAt).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const who = claims.name ?? claims.preferred_username ?? claims.upn ?? claims.appid ?? claims.sub;
    const until = isOver ? `token expired at ${end}` : `token until ${end}`;
    say([who, roles.join(", ") || "no role", until].join(" · "), { isWarning: isOver });
  }

  function say(text, { isWarning = false } = {}) {
    status.textContent = text;
    status.classList.toggle("is-warning", isWarning);
  }

  // Reads a token for display only; whether it is any good is for the gateway to say.
  function claimsOf(text) {
    try {
      const payload = text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
      const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
      return JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      return null;
    }
  }

  function endOf(text) {
    const claims = claimsOf(text);
    return claims === null || claims.exp === undefined ? Infinity : claims.exp * 1000;
  }

  // Asking

  function render() {
    const ask = async (parameters, options) => {
      const send = GraphiQL.createFetcher({
        url: config.endpoint,
        subscriptionUrl: webSocketAddress(),
        headers: await headers(),
        wsConnectionParams: await headers(), // a browser cannot set headers of a WebSocket
        enableIncrementalDelivery: false,
        fetch: sendAndRenew,
      });
      return send(parameters, options);
    };
    const properties = {
      fetcher: ask,
      schema: isWaitingForToken() ? null : undefined, // null: do not ask for the schema
      response: attempt % 2 === 0 ? "" : " ", // GraphiQL shows it when it changes: what another one was told goes away
      defaultQuery: config.defaultQuery,
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false,
    };
    root.render(React.createElement(GraphiQL, properties, React.createElement(GraphiQL.Logo, null, " ")));
  }

  async function authorization() {
    const current = await currentToken();
    return current === null ? {} : { Authorization: `Bearer ${current.text}` };
  }

  async function headers() {
    const explain = element("explain").checked ? { "Gateway-Explain": "1" } : {};
    return { ...explain, ...(await authorization()) };
  }

  // A refused demo token is replaced once: the sandbox may have restarted with another key. The request was refused
  // before anything happened, so that sending it again is safe.
  async function sendAndRenew(url, options) {
    const answer = await fetch(url, options);
    const isOurs = token !== null && options.headers.Authorization === `Bearer ${token.text}`;
    if (answer.status !== 401 || person === null || !isOurs) return answer;
    token = null;
    return fetch(url, { ...options, headers: { ...options.headers, ...(await authorization()) } });
  }

  function webSocketAddress() {
    const address = new URL(config.endpoint, location.href);
    address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
    return address.href;
  }
})();
