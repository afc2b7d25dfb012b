/**
 * Kubernetes quantities in the form in which the API server stores them (apimachinery resource.Quantity, CanonicalizeBytes): what is
 * sent must come back byte for byte.
 */

const DECIMAL_SUFFIXES = ["", "k", "M", "G", "T", "P", "E"] as const;
const BINARY_SUFFIXES = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;

/** CPU as the API server writes it: 0.25 is 250m, 1000m is 1. Throws on what the schema would have refused. */
export function canonicalCpu(text: string): string {
  return decimal(milliOf(text));
}

/** Memory as the API server writes it: 1024Mi is 1Gi, 0.5Gi is 512Mi; a fraction of a byte, which it warns of, is rounded up. Throws like canonicalCpu. */
export function canonicalMemory(text: string): string {
  const bytes = (milliOf(text) + 999n) / 1000n;
  // Without a suffix it is a decimal to the API server, which writes 49359000 as 49359k.
  const isBinary = text.endsWith("i") && bytes >= 1024n && bytes % 1024n === 0n;
  return isBinary ? withSuffix(bytes, { base: 1024n, suffixes: BINARY_SUFFIXES }) : decimal(bytes * 1000n);
}

function decimal(milli: bigint): string {
  return milli % 1000n === 0n ? withSuffix(milli / 1000n, { base: 1000n, suffixes: DECIMAL_SUFFIXES }) : `${milli}m`;
}

/** Thousandths of the quantity. */
function milliOf(text: string): bigint {
  const match = /^([0-9]+)(?:\.([0-9]{1,3}))?(k|Ki|M|Mi|G|Gi|T|Ti)?$|^([0-9]+)m$/.exec(text);
  if (!match) throw new Error(`not a quantity: ${text}`);
  const [, whole = "", fraction = "", suffix = "", milli] = match;
  if (milli !== undefined) return BigInt(milli);
  return (BigInt(whole) * 1000n + BigInt(fraction.padEnd(3, "0"))) * scaleOf(suffix);
}

function scaleOf(suffix: string): bigint {
  const [base, suffixes] = suffix.endsWith("i") ? [1024n, BINARY_SUFFIXES] : [1000n, DECIMAL_SUFFIXES];
  return base ** BigInt(suffixes.findIndex((one) => one === suffix));
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
