import { guideDoesWhatItSays } from '../testing/guide-test.ts';

guideDoesWhatItSays('keep-evidence.md', 9);
