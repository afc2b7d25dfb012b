import { join } from "node:path";
import { Ajv } from "ajv";
import { createGenerator } from "ts-json-schema-generator";

/** What is wrong with a dashboard, by a JSON schema of Grafana's own types: a member that none of them has is refused too. Empty where nothing is. */
export function dashboardProblems(): (dashboard: unknown) => string {
  const generator = createGenerator({
    path: join(import.meta.dirname, "dashboard.ts"),
    tsconfig: join(import.meta.dirname, "tsconfig.json"),
    type: "ShippedDashboard",
    // tsc does, in npm run check.
    skipTypeCheck: true,
    // Several kinds of panels have types of the same name.
    expose: "none",
  });
  const ajv = new Ajv({ strict: false });
  const validate = ajv.compile(Object.fromEntries(Object.entries(generator.createSchema("ShippedDashboard"))));
  return (dashboard) => (validate(dashboard) ? "" : ajv.errorsText(validate.errors, { separator: "\n" }));
}
