/** Result of the first when both succeed. When the second fails, the first still runs to its end, so that its result can be undone. */
export async function both<T>(first: Promise<T>, second: Promise<unknown>): Promise<T> {
  try {
    const [result] = await Promise.all([first, second]);
    return result;
  } catch (error) {
    await Promise.allSettled([first]);
    throw error;
  }
}
