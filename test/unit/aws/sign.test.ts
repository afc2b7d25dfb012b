import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { createAws } from "../../../src/aws/aws.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { testConfig } from "../../support/effective-services.ts";

/** Requests to APIs of AWS that the SDK has no client for. */

const SECRET = "secret";
const BODY = "query=up";
const HOST = "aps-workspaces.eu-central-1.amazonaws.com";
const PATH = "/workspaces/ws-0123/api/v1/query";

function hmac(key: string | Buffer, value: string): Buffer {
  return createHmac("sha256", key).update(value).digest();
}
function sha256(value: string): string {
  return createHash("sha256").update(value).digest("hex");
}

test("carry the signature that AWS works out of them (Signature Version 4), for the service and its region, and the session's token", async () => {
  const aws = createAws(testConfig(), {
    version: "test",
    clock: systemClock,
    observer: { request: () => undefined },
    credentials: { accessKeyId: "AKIATEST", secretAccessKey: SECRET, sessionToken: "session" },
  });
  const headers = await aws.signer(
    "aps",
    "eu-central-1",
  )({
    method: "POST",
    url: new URL(`https://${HOST}${PATH}`),
    headers: { host: HOST, "content-type": "application/x-www-form-urlencoded", "user-agent": "platform-operator/test" },
    body: BODY,
  });
  await aws.close();

  expect(headers["x-amz-security-token"]).toBe("session");
  expect(headers["user-agent"]).toBe("platform-operator/test");
  const time = headers["x-amz-date"] ?? "";
  const [, signed = "", signature] = /SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(headers["authorization"] ?? "") ?? [];
  const names = signed.split(";");
  expect(names).toEqual(["content-type", "host", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token"]);
  const canonical = ["POST", PATH, "", ...names.map((name) => `${name}:${headers[name]}`), "", signed, sha256(BODY)].join("\n");
  const scope = `${time.slice(0, 8)}/eu-central-1/aps/aws4_request`;
  const key = ["eu-central-1", "aps", "aws4_request"].reduce(hmac, hmac(`AWS4${SECRET}`, time.slice(0, 8)));
  expect(signature).toBe(hmac(key, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex"));
});
