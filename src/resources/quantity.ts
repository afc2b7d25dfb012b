/**
 * Kubernetes quantities in the form in which the API server stores them (apimachinery resource.Quantity, CanonicalizeBytes): what is
 * sent must come back byte for byte.
 */

const DECIMAL_SUFFIXES = ["", "k", "M", "G", "T", "P", "E"] as const;
const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;

/** Thousandths of the quantity. */
function quantityMilli(text: string): bigint {
  const match = /^([0-9]+)(?:\.([0-9]{1,3}))?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$/.exec(text);
  const [, whole = "", fraction = "", suffix = ""] = match ?? [];
  if (!match || (suffix === "m" && fraction !== "")) throw new Error(`not a quantity: ${text}`);
  return ((BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, "0"))) * scale(suffix)) / (suffix === "m" ? 1000n : 1n);
}

function scale(suffix: string): bigint {
  if (suffix === "m") return 1n;
  return suffix.endsWith("i") ? 1024n ** index(BINARY_SUFFIXES, suffix) : 1000n ** index(DECIMAL_SUFFIXES, suffix);
}

function index(suffixes: readonly string[], suffix: string): bigint {
  return BigInt(suffixes.indexOf(suffix));
}

/** The same quantity as the API server writes it: 0.25 is 250m, 1024Mi is 1Gi. Throws on what the schema would have refused. */
export function canonicalQuantity(text: string): string {
  const milli = quantityMilli(text);
  if (milli % 1000n !== 0n) return `${milli}m`;
  const units = milli / 1000n;
  // Below 1024 the binary form would say nothing; the API server turns to the decimal one.
  if (text.endsWith("i") && units >= 1024n) return withSuffix(units, { base: 1024n, suffixes: BINARY_SUFFIXES });
  return withSuffix(units, { base: 1000n, suffixes: DECIMAL_SUFFIXES });
}

function withSuffix(units: bigint, { base, suffixes }: { base: bigint; suffixes: readonly string[] }): string {
  let rest = units;
  let exponent = 0;
  while (rest !== 0n && rest % base === 0n && exponent < suffixes.length - 1) {
    rest /= base;
    exponent++;
  }
  return `${rest}${suffixes[exponent] ?? ""}`;
}
