/** A signal stands for a year at most. */
export const longestSignalMs = 366 * 86_400_000;
