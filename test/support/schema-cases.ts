import type { Changes } from "./json-path.ts";

/**
 * Bad examples for every CEL rule of the CRDs, as changes to the full objects of full-objects.ts. The integration test has the API
 * server refuse each of them; scripts/check-cel-rules.ts holds the list against the generated CRDs.
 */

export interface Refusal {
  /** Where the API server must say it is; empty for the whole object. */
  readonly field: string;
  /** The rule's own message, whole. */
  readonly message: string;
  /** Each is refused on its own. */
  readonly examples: readonly Changes[];
}

/** The field itself, given values that the rule refuses. */
export function values(field: string, message: string, bad: readonly (string | number)[]): Refusal {
  return { field, message, examples: bad.map((value) => ({ [field]: value })) };
}

export function durations(field: string, name: string): readonly Refusal[] {
  return [
    values(field, `${name} must be a duration such as 250ms, 10s or 1h30m: whole numbers of at most five digits, each with h, m, s or ms`, [
      "10",
      "1.5s",
      "100000s",
      "1d",
      "1h1m1s1ms1s",
    ]),
    values(field, `${name} must be longer than zero: write for example 250ms or 10s`, ["0s", "0h0m"]),
  ];
}

export function objectNames(field: string, name: string, example = "matching-keys"): Refusal {
  const message = `${name} must be the name of a Kubernetes object: lower-case letters, digits, - and ., as ${example}`;
  return values(field, message, ["Keys", "keys_1", "-keys", "keys."]);
}

export function labels(field: string, name: string, example: string): Refusal {
  const message = `${name} must be lower-case letters, digits and -, beginning and ending with a letter or digit, as ${example}`;
  return values(field, message, ["Tracking", "a_b", "-a", "a-", "a.b"]);
}

export function namespaces(field: string): Refusal {
  return values(field, "namespace must be the name of a namespace, as booking; leave it out for the service's own", [
    "Booking",
    "a.b",
    "*",
  ]);
}

export function urlPaths(field: string, name: string): Refusal {
  return values(field, `${name} must begin with / and hold no space, ? or #, as /v1/match`, ["v1", "/a b", "/a?b=c", "/a#b"]);
}

export function proxyPorts(field: string, name: string): Refusal {
  const message = `${name} must not be within 15000-15090, which the mesh's proxy listens on in every pod: choose another port, as 8080`;
  return values(field, message, [15000, 15020, 15090]);
}

interface Quantity {
  readonly name: string;
  readonly example: string;
  readonly bad: readonly string[];
  readonly most: string;
  readonly more: readonly string[];
}

function quantities(field: string, { name, example, bad, most, more }: Quantity): readonly Refusal[] {
  return [
    values(field, `${name} must be at most ${most}, which is more than any node has: write for example ${example}`, more),
    values(field, `${name} must be a quantity such as ${example}`, bad),
    values(field, `${name} must be more than zero: write for example ${example}, or leave it out`, ["0"]),
  ];
}

export const cpus = (field: string, name: string) =>
  quantities(field, {
    name,
    example: "250m (a quarter of a core) or 2",
    bad: ["2Gi", "-1", "0.1234", "1 core", "1.5m"],
    most: "10000",
    more: ["10001", "99999999999999999999999999999m"],
  });
export const memories = (field: string, name: string) =>
  quantities(field, {
    name,
    example: "256Mi or 1Gi",
    bad: ["256m", "1GB", "-1Gi", "lots"],
    most: "1000Ti",
    more: ["1001Ti", "99999999999999999999Ti"],
  });

export function cidrs(field: string, name: string): readonly Refusal[] {
  return [
    values(field, `${name} must be an address range in CIDR form, as 10.40.0.0/16`, [
      "10.40.0.0",
      "10.40.0.0/33",
      "10.40.0/16",
      "example.com/8",
    ]),
    values(field, `${name} must have no bits set after its prefix: write 10.40.0.0/16, not 10.40.1.1/16`, [
      "10.40.1.1/16",
      "2001:db8::1/64",
    ]),
    values(field, `${name} must be in its shortest form and in lower case: write 2001:db8::/32, not 2001:0DB8:0::/32`, [
      "2001:DB8::/32",
      "2001:0db8::/32",
      "2001:db8:0:0:0:0:0:0/32",
    ]),
    values(
      field,
      `${name} must not hold link-local or instance metadata addresses (169.254.0.0/16, fd00:ec2::254): name the narrower range that is called`,
      ["0.0.0.0/0", "169.254.169.254/32", "169.254.0.0/16", "160.0.0.0/4", "::/0", "fd00:ec2::/64"],
    ),
  ];
}

export function hosts(field: string, name: string): Refusal {
  return values(field, `${name} must be a full DNS name in lower case, without a wildcard, scheme or port, as api.carrier.example.com`, [
    "*.example.com",
    "https://example.com",
    "example.com:443",
    "Example.com",
    "localhost",
    "10.0.0.1",
    "example..com",
  ]);
}

export function regularExpressions(field: string, name: string): Refusal {
  const message = `${name} must be a regular expression that RE2 reads: close every bracket, and use neither look-around nor back-references`;
  return values(field, message, ["/v[12", "(", "(?=x)", "(a)\\1"]);
}
