/** So many are worked on at once, as the operator's passes by default. */
const CONCURRENCY = 16;

/** Calls `work` for each item, CONCURRENCY at a time; rejects at the first that does. */
export async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
