/** What selects series in PromQL, for those who write it. */

/** As `cluster="prod-1"`, one for each label. */
export function labelMatchers(labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
}
