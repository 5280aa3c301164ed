import { InvalidArgumentError } from 'commander';

/** Whether requests can be sent to what lies below it: http or https, and neither a user, a question nor a fragment. */
export function isAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s?#]+$/i.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return `${username}${password}` === '';
}

/** @throws InvalidArgumentError for what is no {@link isAddress address} */
export function readAddress(text: string): string {
  if (isAddress(text)) return text;
  throw new InvalidArgumentError(
    'Write an address that begins with http:// or https://, e.g. https://countersign.example.',
  );
}
