/** Whether a URL is answered with success in time. */
export async function isOk(url: string, withinMs = 5_000): Promise<boolean> {
  try {
    const { ok, body } = await fetch(url, { signal: AbortSignal.timeout(withinMs) });
    await body?.cancel();
    return ok;
  } catch {
    return false;
  }
}
