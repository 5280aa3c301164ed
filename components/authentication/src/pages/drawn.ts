import type { ChosenTexts } from '@countersign/runtime';
import type { Texts } from '../texts/en.ts';

/** How every page of this room is drawn. */
export interface Drawn extends ChosenTexts<Texts> {
  readonly banner: string | undefined;
}
