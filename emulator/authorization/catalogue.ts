import { readFileSync } from "node:fs";

interface CatalogueService {
  readonly actions: Readonly<Record<string, { readonly resources: readonly string[]; readonly keys: readonly string[] }>>;
  readonly resources: Readonly<Record<string, { readonly arn: string; readonly keys: readonly string[] }>>;
}

/** AWS's Service Authorization Reference: which condition keys each action has (scripts/iam-actions.ts writes the table). */
export class ActionCatalogue {
  readonly #services: Readonly<Record<string, CatalogueService>>;

  private constructor(services: Readonly<Record<string, CatalogueService>>) {
    this.#services = services;
  }

  static load(): ActionCatalogue {
    const path = new URL("actions.generated.json", import.meta.url);
    const table: { services: Record<string, CatalogueService> } = JSON.parse(readFileSync(path, "utf8"));
    return new ActionCatalogue(table.services);
  }

  /** The keys, in lower case, of an action as `iam:CreateRole` and of the resources it acts on; a key that ends in `/` stands for each tag. */
  keysOf(action: string): readonly string[] {
    const [service = "", name = ""] = action.split(":");
    const known = this.#services[service];
    const entry = known?.actions[name];
    if (known === undefined || entry === undefined) throw new Error(`AWS's catalogue has no action ${action}`);
    const ofResources = entry.resources.flatMap((resource) => known.resources[resource]?.keys ?? []);
    return [...entry.keys, ...ofResources].map((key) => key.replace("${TagKey}", "").toLowerCase());
  }
}
