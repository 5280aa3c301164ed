import { InvalidArgumentError } from 'commander';

/** Whether it can be the base of request URLs: http or https, without user, query and fragment. */
export function isAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s?#]+$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return `${username}${password}` === '';
}

/** @throws InvalidArgumentError for anything but an {@link isAddress address} */
export function readAddress(text: string): string {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError(
    'Write an address that begins with http:// or https://, e.g. https://countersign.example.',
  );
}
