/** The error for an answer that is no file. */
import { RemoteError } from "../../base/errors.ts";
import type { RemotePlace } from "./http-client.ts";

const SENTENCES: Readonly<Record<number, string>> = {
  401: "the server asks for a login (status 401)",
  403: "the server forbids it (status 403)",
  404: "found no such file (status 404)",
  410: "found no such file any more (status 410)",
};

export function refusal({ name, refuse }: RemotePlace, response: Response): RemoteError {
  const { status } = response;
  return (
    refuse?.(response) ??
    new RemoteError(name, SENTENCES[status] ?? `the server answered ${status}, expected the file`, { status })
  );
}
