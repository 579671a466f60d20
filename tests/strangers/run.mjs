// node run.mjs MODULE SCENARIO ARGUMENTS: runs one scenario and prints {"result": …} or {"error": …} as JSON.
import { shown } from "./shown.mjs";

const [module, name, text] = process.argv.slice(2);
const scenarios = await import(`./${module}.mjs`);
let outcome;
try {
    outcome = { result: (await scenarios[name](JSON.parse(text))) ?? null };
} catch (error) {
    outcome = { error: Array.isArray(error) ? error.map(shown) : shown(error) };
}
process.stdout.write(JSON.stringify(outcome), () => process.exit());
