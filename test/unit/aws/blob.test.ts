import { createHash } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { expect, test } from "vitest";
import { downloadBlob } from "../../../src/aws/blob.ts";

const digestOf = (text: string) => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** What downloading from such a server gives, or throws. */
async function download(answer: RequestListener, digest: string): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  try {
    return await downloadBlob(`http://127.0.0.1:${address.port}/blob`, digest);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("a blob is what its digest says", async () => {
  expect(await download((_, response) => response.end("{}"), digestOf("{}"))).toBe("{}");
});

test("another blob is refused", async () => {
  await expect(download((_, response) => response.end("{ }"), digestOf("{}"))).rejects.toMatchObject({
    class: "invalid",
    code: "DigestMismatch",
  });
});

test("a blob that does not end is cut off", async () => {
  const endless: RequestListener = (_, response) => {
    const chunk = Buffer.alloc(64 * 1024);
    const pour = () => {
      while (response.write(chunk));
    };
    response.on("drain", pour);
    pour();
  };
  await expect(download(endless, digestOf(""))).rejects.toMatchObject({ class: "invalid", code: "BlobTooLarge" });
});

test("an address that has expired is denied", async () => {
  await expect(download((_, response) => response.writeHead(403).end(), digestOf(""))).rejects.toMatchObject({ class: "denied" });
});

test("a server that hangs up is unreachable", async () => {
  await expect(download((request) => request.socket.destroy(), digestOf(""))).rejects.toMatchObject({ class: "unreachable" });
});
