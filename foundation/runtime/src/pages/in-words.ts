/**
 * A moment for people: `21 November 2026 at 09:00 UTC`.
 *
 * @param instant RFC 3339, or milliseconds since the epoch
 * @param lang as `chooseTexts` says it
 */
export function inWords(instant: string | number, lang: string): string {
  const text = new Intl.DateTimeFormat(lang === 'de' ? 'de-DE' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC',
  }).format(new Date(instant));
  return `${text} UTC`;
}
