/** A moment for people: `21 November 2026, 09:00 UTC`. */
export function inWords(instant: string, lang: string): string {
  const date = new Date(instant);
  const text = new Intl.DateTimeFormat(lang === 'de' ? 'de-DE' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'UTC',
  }).format(date);
  return `${text} UTC`;
}
