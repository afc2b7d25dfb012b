import { AwsError, type AwsErrorClass } from "../reconcilers/ports.ts";

/** The call's answer, or undefined where it failed in the one way that is expected here; every other failure is thrown. */
export async function whereClass<T>(expected: AwsErrorClass, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof AwsError && error.class === expected) return undefined;
    throw error;
  }
}

/**
 * A write to what this very pass created. AWS may not know it yet, or not yet the tags that our policy allows the write by: absent
 * and denied become `busy`. The next pass no longer creates, so a refusal that is meant shows then.
 */
export async function justCreated<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    if (!(error instanceof AwsError && (error.class === "absent" || error.class === "denied"))) throw error;
    const { code, operation, message } = error;
    throw new AwsError({ class: "busy", code, operation, message, cause: error });
  }
}

/**
 * A deletion. A call repeated after its answer was lost finds nothing, and nothing has no tags to allow the call by: where it is
 * denied, `isGone` is asked, and only a denial of what still exists is one.
 */
export async function unlessGone<T>(deletion: Promise<T>, isGone: () => Promise<boolean>): Promise<T | "gone"> {
  try {
    return await deletion;
  } catch (error) {
    if (error instanceof AwsError && (error.class === "absent" || error.class === "denied") && (await isGone())) return "gone";
    throw error;
  }
}
