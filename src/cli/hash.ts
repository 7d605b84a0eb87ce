/** Hashes that results carry, so that runs on other machines can be compared. */

/** SHA-256 in hex of the array's bytes (all targets are little endian). */
export async function sha256(data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", data);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
