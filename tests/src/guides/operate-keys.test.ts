import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('operate-keys.md', 7);
