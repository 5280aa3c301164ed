/** A moment in words, with its time zone; in UTC too, where that is another. No countdown: it hurries nobody. */
export function momentIn(lang: string, timeZone: string): (at: number | string) => string {
  const local = inZone(lang, timeZone);
  const utc = inZone(lang, 'UTC');
  return (at) => {
    const date = new Date(at);
    const [here, there] = [local.format(date), utc.format(date)];
    return timeZone === 'UTC' || here === there ? there : `${here} (${there})`;
  };
}

function inZone(lang: string, timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
    timeZoneName: 'short',
  });
}

/** Enough to compare by eye or by telephone with what another system shows of the same. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ');
}
