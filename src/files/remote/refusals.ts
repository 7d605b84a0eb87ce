/** The error for an answer that is no file. */
import { RemoteError } from "../../base/errors.ts";

const SENTENCES: Readonly<Record<number, string>> = {
  401: "the server asks for a login (status 401)",
  403: "the server forbids it (status 403)",
  404: "found no such file (status 404)",
  410: "found no such file any more (status 410)",
};

export function refusal(where: string, { status }: Response): RemoteError {
  return new RemoteError(where, SENTENCES[status] ?? `the server answered ${status}, expected the file`, { status });
}
