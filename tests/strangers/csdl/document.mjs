// The OASIS committee's own converter reads a CSDL document; its JSON schema says whether the result is a valid one.
import { createRequire } from "node:module";
import Ajv from "ajv";

const require = createRequire(import.meta.url);
const { xml2json } = require("odata-csdl");
const schema = require("odata-csdl/schemas/csdl.schema.json");

// Types and elements of all schemas by qualified name, under namespace and alias.
const declared = (document) =>
    Object.fromEntries(
        Object.entries(document)
            .filter(([name, value]) => !name.startsWith("$") && typeof value === "object")
            .flatMap(([namespace, elements]) =>
                Object.entries(elements).flatMap(([name, element]) =>
                    [namespace, elements.$Alias].filter(Boolean).map((prefix) => [`${prefix}.${name}`, element])
                )
            )
    );

// Type names that properties and navigations use.
const used = (types) =>
    Object.values(types).flatMap((type) =>
        Object.entries(type)
            .filter(([name, member]) => /^\w/.test(name) && typeof member === "object" && member.$Type)
            .map(([, member]) => member.$Type)
    );

const container = (types) => Object.values(types).find((element) => element.$Kind === "EntityContainer");

// Microsoft's own library writes `Variable`; the committee's schema has it in lower case.
const inTheCommitteesSpelling = (xml) => xml.replaceAll('Scale="Variable"', 'Scale="variable"');

// What the document declares, what the converter and the schema complain of, and which names lead nowhere.
export const read = async ({ url, token }) => {
    const answer = await fetch(url, { headers: { Accept: "application/xml", Authorization: `Bearer ${token}` } });
    const messages = [];
    const document = xml2json(inTheCommitteesSpelling(await answer.text()), { strict: true, messages });
    const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema);
    validate(document);
    const errors = (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
    const types = declared(document);
    const sets = Object.entries(container(types)).filter(([, set]) => set.$Collection);
    const bindings = sets.flatMap(([, set]) => Object.values(set.$NavigationPropertyBinding ?? {}));
    const names = [...used(types), ...sets.map(([, set]) => set.$Type)];
    return {
        status: answer.status,
        contentType: answer.headers.get("content-type"),
        version: document.$Version,
        problems: [...messages.map(({ message }) => message), ...errors].slice(0, 5),
        sets: Object.fromEntries(sets.map(([name, set]) => [name, Object.keys(types[set.$Type] ?? {})])),
        unknownTypes: [...new Set(names.filter((name) => !name.startsWith("Edm.") && !types[name]))],
        unknownTargets: bindings.filter((target) => !sets.some(([name]) => name === target.split("/").pop())),
    };
};
