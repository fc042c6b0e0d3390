/** Calls it with each, whatever it throws; the first of what it threw is thrown then. */
export function tellEach<T>(values: readonly T[], tell: (value: T) => void): void {
  let failure: { readonly error: unknown } | undefined;
  for (const value of values) {
    try {
      tell(value);
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure) throw failure.error;
}
