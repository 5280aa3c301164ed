import type { Texts } from '../texts/en.ts';

/** How every page of this room is drawn. */
export interface Drawn {
  readonly texts: Texts;
  /** BCP 47. */
  readonly lang: string;
  readonly banner: string | undefined;
}
