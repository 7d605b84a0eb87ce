/** Errors about answers of the hub. They name the host and the repository, and never the token. */
import { RemoteError } from "../../base/errors.ts";

export interface HubQuestion {
  /** The host and the repository, such as `huggingface.co/owner/name`. */
  readonly where: string;
  readonly host: string;
  readonly revision: string;
  readonly hasToken: boolean;
}

/** The error for a status that is no success; undefined where the hub does not say more than the status. */
export function hubError(
  { where, host, revision, hasToken }: HubQuestion,
  response: Response,
): RemoteError | undefined {
  const { status, headers } = response;
  const code = headers.get("x-error-code") ?? "";
  const error = (problem: string) => new RemoteError(where, problem, { status });
  const token = `HF_TOKEN to a token ${hasToken ? "that may read it" : `of ${host}`}`;
  if (code === "GatedRepo")
    return error(`the repository is gated (status ${status}); accept its terms on ${host}, and set ${token}`);
  if (code === "RevisionNotFound") return error(`found no revision "${revision}" in the repository`);
  if (code === "EntryNotFound") return error("found no such file in the repository");
  if (code === "RepoNotFound" || (status === 401 && code === ""))
    return error(
      `found no such repository, or one that is private or gated (status ${status}); check its name, or set ${token}`,
    );
  if (status === 401 || status === 403)
    return error(`${host} forbids it (status ${status}); for a private or gated repository, set ${token}`);
  return undefined;
}
