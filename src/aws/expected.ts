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
