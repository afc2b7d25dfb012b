/** An error that goes to the client as AWS would send it: `code` is the one on the wire, as NoSuchEntity. */
export class AwsFault extends Error {
  override readonly name = "AwsFault";
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** Any 400 of which nothing but the code and sentence matter. */
export function badRequest(code: string, message: string): AwsFault {
  return new AwsFault(code, 400, message);
}
