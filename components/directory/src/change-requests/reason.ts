import { directoryErrors } from '@countersign/contracts';

const maxLength = 400;

/** For people; it is recorded. */
export function readReason(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const plain = text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(text);
  if (plain && text.trim() !== '' && text.length <= maxLength) return text;
  throw directoryErrors.error('directory_file_invalid', `A reason is plain text of 1 to ${maxLength} characters.`);
}
